//! A choice in a conflict, made on the page, over two simulated servers.

use sandbox::dav::{Options, Profile, Running, serve};
use sandbox::{Account, World, seed};

use super::*;
use crate::clock::SystemClock;
use crate::control::{Password, Reply, Request};
use crate::report::{Conflict, Conflicts};

/// Two calendars, one event of which both sides changed the title.
struct Clash {
    stage: Stage,
    world: World,
    calendars: [model::CalendarId; 2],
    _servers: Vec<Running>,
}

impl Clash {
    async fn new() -> Self {
        let world = World::new(1);
        world.set_now(SystemClock::read());
        let (mut servers, mut calendars, mut accounts) = (Vec::new(), Vec::new(), String::new());
        for name in ["left", "right"] {
            world.add_account(Account::new(name));
            let server = serve(&world, Options::new(Profile::plain(), name)).await.unwrap();
            calendars.push(world.add_calendar(name, "Family"));
            accounts += &format!(
                "[accounts.{name}]\nprovider = \"caldav\"\nusername = \"{name}@example.com\"\n\
                 url = \"{}\"\n",
                server.url()
            );
            servers.push(server);
        }
        let pair = "[[pairs]]\nname = \"c\"\nwindow = \"all\"\nconflict = \"ask\"\n\
                    left = { account = \"left\", calendar = \"Family\" }\n\
                    right = { account = \"right\", calendar = \"Family\" }\n";
        let stage = Stage::with("", &format!("{accounts}{pair}"), Some(PASSWORD)).await;
        let calendars = calendars.try_into().unwrap_or_else(|_| unreachable!("there are two"));
        let clash = Self { stage, world, calendars, _servers: servers };
        for account in ["left", "right"] {
            let (account, password) = (account.to_owned(), Password("abcd-efgh-ijkl-mnop".into()));
            let connect = Request::Connect { account, password, replace: false, lasts: None };
            assert_eq!(clash.answer(connect).await.exit, 0);
        }
        let user = |side: usize| clash.world.user(&clash.calendars[side]);
        user(0).create(&seed::hour("a", "Dinner", "2026-03-01T09:00:00Z".parse().unwrap(), ""));
        clash.sync().await;
        user(0).set("a", "SUMMARY", "Left");
        user(1).set("a", "SUMMARY", "Right");
        clash.sync().await;
        clash
    }

    async fn answer(&self, request: Request) -> Reply {
        self.stage.site.service.answer(request).await
    }

    async fn sync(&self) {
        self.answer(Request::Sync { pairs: vec!["c".into()], dry_run: false }).await;
    }

    async fn open(&self) -> Vec<Conflict> {
        let reply = self.answer(Request::Conflicts).await;
        let open: Conflicts = serde_json::from_value(reply.report).unwrap();
        open.conflicts
    }

    fn titles(&self) -> [String; 2] {
        [0, 1].map(|side| {
            let raw = self.world.user(&self.calendars[side]).get("a").unwrap().raw;
            let text = String::from_utf8(raw).unwrap();
            text.lines().find_map(|line| line.strip_prefix("SUMMARY:")).unwrap().to_owned()
        })
    }
}

#[tokio::test]
async fn a_choice_is_taken_from_our_own_form_only_and_does_what_it_says() {
    let clash = Clash::new().await;
    let stage = &clash.stage;
    let id = clash.open().await.remove(0).id;
    let line = format!("POST /conflicts/{id}");
    let entered = stage.enter().await;
    let page = stage.get("/", &[("Cookie", &entered)]).await;
    assert!(page.contains(&format!("action=\"/conflicts/{id}\"")), "{page}");
    let token = token(&page);
    let (stranger, strange) = stage.browser("/sign-in").await;
    let keep = format!("token={token}&keep=right");
    let cases: [(u16, Case<'_>); 7] = [
        (401, ("a stranger", &[("Cookie", &stranger)], &format!("token={strange}&keep=right"))),
        (403, ("no token", &[("Cookie", &entered)], "keep=right")),
        (403, ("another's", &[("Cookie", &entered)], &format!("token={strange}&keep=right"))),
        (403, ("no cookie", &[], &keep)),
        (403, ("elsewhere", &[("Cookie", &entered), ("Origin", "https://evil.example")], &keep)),
        (403, ("a site", &[("Cookie", &entered), ("Sec-Fetch-Site", "cross-site")], &keep)),
        (400, ("no such choice", &[("Cookie", &entered)], &format!("token={token}&keep=none"))),
    ];
    for (expected, (sentence, headers, body)) in cases {
        let answer = stage.ask(&line, headers, body).await;
        assert_eq!(status(&answer), expected, "{sentence}: {answer}");
        assert_eq!(clash.open().await.len(), 1, "{sentence}");
    }
    let looked = stage.get(&format!("/conflicts/{id}?keep=right"), &[("Cookie", &entered)]).await;
    assert_eq!(status(&looked), 405, "nothing changes on a GET");
    clash.sync().await;
    assert_eq!(clash.titles(), ["Left", "Right"], "it is still open");
    let answer = stage.ask(&line, &[("Cookie", &entered)], &keep).await;
    assert_eq!(status(&answer), 303, "{answer}");
    for _ in 0..2 {
        clash.sync().await;
    }
    assert_eq!((clash.open().await.len(), clash.titles()), (0, ["Right", "Right"].map(Into::into)));
    let again = stage.ask(&line, &[("Cookie", &entered)], &keep).await;
    assert_eq!(status(&again), 303);
    let page = stage.get("/", &[("Cookie", &entered)]).await;
    assert!(!page.contains("/conflicts/"), "{page}");
}
