//! `colorId`: eleven colours, against the names of CSS (RFC 7986 section 5.9). A name that is not
//! one of the eleven is shown as the nearest.

use google_calendar3::api;
use model::Event;
use serde_json::Value;

use super::Body;

/// Google's colour, and the names it stands for; the first one is what it reads as.
const COLORS: [(&str, &[&str]); 11] = [
    (
        "1",
        &[
            "lavender",
            "aliceblue",
            "azure",
            "ghostwhite",
            "lightsteelblue",
            "lavenderblush",
            "thistle",
            "mediumslateblue",
            "slateblue",
        ],
    ),
    (
        "2",
        &[
            "mediumaquamarine",
            "aquamarine",
            "darkseagreen",
            "honeydew",
            "lightgreen",
            "mintcream",
            "palegreen",
            "springgreen",
            "mediumspringgreen",
        ],
    ),
    (
        "3",
        &[
            "mediumorchid",
            "blueviolet",
            "darkmagenta",
            "darkorchid",
            "darkviolet",
            "fuchsia",
            "indigo",
            "magenta",
            "mediumpurple",
            "orchid",
            "plum",
            "purple",
            "rebeccapurple",
            "violet",
        ],
    ),
    (
        "4",
        &[
            "salmon",
            "darksalmon",
            "deeppink",
            "hotpink",
            "lightcoral",
            "lightpink",
            "lightsalmon",
            "mediumvioletred",
            "mistyrose",
            "palevioletred",
            "pink",
            "rosybrown",
        ],
    ),
    (
        "5",
        &[
            "gold",
            "beige",
            "cornsilk",
            "darkkhaki",
            "goldenrod",
            "ivory",
            "khaki",
            "lemonchiffon",
            "lightgoldenrodyellow",
            "lightyellow",
            "palegoldenrod",
            "yellow",
        ],
    ),
    (
        "6",
        &[
            "orange",
            "antiquewhite",
            "bisque",
            "blanchedalmond",
            "burlywood",
            "chocolate",
            "coral",
            "darkgoldenrod",
            "darkorange",
            "linen",
            "moccasin",
            "navajowhite",
            "oldlace",
            "papayawhip",
            "peachpuff",
            "peru",
            "sandybrown",
            "seashell",
            "sienna",
            "tan",
            "wheat",
        ],
    ),
    (
        "7",
        &[
            "deepskyblue",
            "aqua",
            "cadetblue",
            "cyan",
            "darkcyan",
            "darkturquoise",
            "lightblue",
            "lightcyan",
            "lightseagreen",
            "lightskyblue",
            "mediumturquoise",
            "paleturquoise",
            "powderblue",
            "skyblue",
            "teal",
            "turquoise",
        ],
    ),
    (
        "8",
        &[
            "gray",
            "black",
            "darkgray",
            "darkgrey",
            "darkslategray",
            "darkslategrey",
            "dimgray",
            "dimgrey",
            "floralwhite",
            "gainsboro",
            "grey",
            "lightgray",
            "lightgrey",
            "lightslategray",
            "lightslategrey",
            "silver",
            "slategray",
            "slategrey",
            "snow",
            "white",
            "whitesmoke",
        ],
    ),
    (
        "9",
        &[
            "royalblue",
            "blue",
            "cornflowerblue",
            "darkblue",
            "darkslateblue",
            "dodgerblue",
            "mediumblue",
            "midnightblue",
            "navy",
            "steelblue",
        ],
    ),
    (
        "10",
        &[
            "seagreen",
            "chartreuse",
            "darkgreen",
            "darkolivegreen",
            "forestgreen",
            "green",
            "greenyellow",
            "lawngreen",
            "lime",
            "limegreen",
            "mediumseagreen",
            "olive",
            "olivedrab",
            "yellowgreen",
        ],
    ),
    (
        "11",
        &[
            "tomato",
            "brown",
            "crimson",
            "darkred",
            "firebrick",
            "indianred",
            "maroon",
            "orangered",
            "red",
            "saddlebrown",
        ],
    ),
];

// quirk: google-68
pub(super) fn read(row: &api::Event) -> Option<String> {
    let id = row.color_id.as_deref()?;
    let (_, names) = COLORS.iter().find(|(known, _)| *known == id)?;
    Some(names[0].to_owned())
}

// quirk: google-68
pub(super) fn write(event: &Event, body: &mut Body) {
    let name = event.color.as_deref();
    let id = name.and_then(|name| COLORS.iter().find(|(_, names)| names.contains(&name)));
    body.insert("colorId".to_owned(), id.map_or(Value::Null, |(id, _)| Value::from(*id)));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, written};
    use super::*;
    use model::Field;
    use serde_json::json;

    // quirk: google-68
    #[test]
    fn eleven_colours_go_both_ways_and_others_to_the_nearest() {
        for (id, names) in COLORS {
            let event = round_trip(Field::Color, json!({"colorId": id}));
            assert_eq!(event.color.as_deref(), Some(names[0]));
        }
        let mut event = event(json!({}));
        for (name, want) in [("teal", json!("7")), ("nosuch", Value::Null)] {
            event.color = Some(name.to_owned());
            assert_eq!(written(Field::Color, &event), json!({"colorId": want}));
        }
    }

    #[test]
    fn no_name_stands_for_two() {
        let mut all: Vec<_> = COLORS.iter().flat_map(|(_, names)| names.iter()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!((all.len(), count), (148, 148));
    }
}
