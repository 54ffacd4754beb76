//! What a terminal is shown: text made harmless, and how far a long command has come.
//!
//! Titles come from strangers (an invitation is enough). A control character in one could move
//! the cursor, a direction mark could turn the words around; both are shown as what they are.
//! Nothing here fails when nobody reads: a closed pipe is the reader's business.

use std::borrow::Cow;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use regex::Regex;

use crate::config::Drawing;
use crate::environment::Environment;

/// What Unicode gives no form of its own: line and paragraph separators (Zl, Zp), format
/// characters (Cf: direction marks, zero-width spaces, invisible operators, soft hyphens, tags),
/// and the few others that are drawn as nothing.
///
/// What texts are written with stays: the two joiners (emoji, Persian, the scripts of India),
/// selectors of a letter's or an emoji's variant, and the signs that Arabic draws around numbers,
/// which are format characters only by name.
static UNSEEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x) [
            [\p{Zl}\p{Zp}\p{Cf}\p{Default_Ignorable_Code_Point}]
            --
            [\u{200c}\u{200d}\p{Variation_Selector}\p{Prepended_Concatenation_Mark}]
        ]",
    )
    .expect("the expression is written here and tested")
});

/// Whether a character acts on a terminal, or on how others are read, instead of being seen.
pub(crate) fn is_unprintable(c: char) -> bool {
    // Most text is ASCII, and has controls only.
    c.is_control() || (!c.is_ascii() && UNSEEN.is_match(c.encode_utf8(&mut [0; 4])))
}

/// The text with every such character written as an escape: `\n`, `\t`, `\u{1b}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        '\n' | '\r' | '\t' => c.escape_default().to_string(),
        _ if is_unprintable(c) => c.escape_unicode().to_string(),
        _ => String::from(c),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// Writes to stdout, as it stands.
pub fn print(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes to stderr, as it stands.
pub fn eprint(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}

/// Says on stderr what is wrong, in one line.
pub fn complain(sentence: &str) {
    eprint(&format!("calpair: {}\n", escaped(sentence)));
}

/// How messages are drawn on stderr.
pub fn drawing(environment: &Environment) -> Drawing {
    if stderr().is_terminal() && environment.value("NO_COLOR").is_none() {
        Drawing::Coloured
    } else {
        Drawing::Plain
    }
}

/// stderr, shared by the log and by bars, so that neither writes into the other. Clones share it.
#[derive(Clone, Debug)]
pub struct Screen {
    /// On a terminal only.
    bars: Option<MultiProgress>,
}

impl Screen {
    /// stderr as it is: with bars if it is a terminal.
    pub fn of_process() -> Self {
        let terminal = stderr().is_terminal();
        Self {
            bars: terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())),
        }
    }

    /// Writes one line, above the bars.
    pub fn line(&self, line: &str) {
        let write = || {
            // One call, so that lines of several processes don't mix.
            let _ = stderr().lock().write_all(format!("{line}\n").as_bytes());
        };
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Begins to show how far the work of `name` is: a bar on a terminal, else a line now and then.
    pub fn progress(&self, name: &str) -> Progress {
        let name = escaped(name).into_owned();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::no_length());
            bar.set_style(style("{spinner} {prefix}: {msg}"));
            bar.set_prefix(name.clone());
            // Often enough to be seen to live, seldom enough to cost nothing.
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { name, bar, screen: self.clone(), read: 0, planned: 0, done: 0, said: 0 }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are written here and tested")
}

/// How far the work of a pair is.
#[derive(Debug)]
pub struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    screen: Screen,
    read: u64,
    planned: u64,
    done: u64,
    /// The last tenth that was said.
    said: u64,
}

impl Progress {
    /// So many more were read.
    pub fn read(&mut self, more: u64) {
        self.read += more;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("read {}", self.read));
        }
    }

    /// So many more are to be written.
    pub fn planned(&mut self, more: u64) {
        self.planned += more;
        match &self.bar {
            Some(bar) => {
                bar.set_style(style("{spinner} {prefix}: {wide_bar} {pos}/{len} {eta}"));
                bar.set_length(self.planned);
            }
            None if more > 0 => self.say(),
            None => {}
        }
    }

    /// So many more were written.
    pub fn done(&mut self, more: u64) {
        self.done += more;
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.tenth() > self.said => self.say(),
            None => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn tenth(&self) -> u64 {
        (self.done * 10).checked_div(self.planned).unwrap_or_default()
    }

    fn say(&mut self) {
        self.said = self.tenth();
        self.screen.line(&format!("{}: {} of {} written", self.name, self.done, self.planned));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_as_what_it_is() {
        let cases = [
            ("Lunch, Zürich 🇨🇭 👩‍👩‍👧 نادي", "Lunch, Zürich 🇨🇭 👩‍👩‍👧 نادي"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{9b}31mb", "a\\u{9b}31mb"),
            ("a\nERROR forged\r\tb", "a\\nERROR forged\\r\\tb"),
            ("nul\0bell\u{7}del\u{7f}", "nul\\u{0}bell\\u{7}del\\u{7f}"),
            ("\u{202e}txt.exe\u{2066}", "\\u{202e}txt.exe\\u{2066}"),
            ("line\u{2028}sep\u{feff}\u{e0041}", "line\\u{2028}sep\\u{feff}\\u{e0041}"),
        ];
        for (text, expected) in cases {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn what_is_not_seen_is_made_visible_and_what_texts_are_written_with_stays() {
        let unseen = [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{3164}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{202c}',
            '\u{2060}',
            '\u{2061}',
            '\u{2064}',
            '\u{2069}',
            '\u{206f}',
            '\u{feff}',
            '\u{fffb}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0020}',
            '\u{e007f}',
        ];
        for c in unseen {
            let expected = format!("pay{}pal", c.escape_unicode());
            assert_eq!(escaped(&format!("pay{c}pal")), expected);
        }
        let texts = [
            "👩\u{200d}💻 und ❤\u{fe0f}\u{200d}🔥",
            "👨\u{200d}👩\u{200d}👧",
            "می\u{200c}خواهم",
            "ന\u{200d}",
            "क\u{94d}\u{200d}ष",
            "葛\u{e0100}",
            "\u{600}١٢ \u{6dd}٣",
            "שָׁלוֹם, größer, 日本語, e\u{301}",
        ];
        for text in texts {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn progress_without_a_terminal_speaks_in_tenths() {
        let mut progress = Screen { bars: None }.progress("a\u{1b}b");
        assert_eq!(progress.name, "a\\u{1b}b");
        progress.read(5);
        assert_eq!(progress.tenth(), 0);
        progress.planned(40);
        let mut said = 0;
        for _ in 0..40 {
            let before = progress.said;
            progress.done(1);
            said += u64::from(progress.said > before);
        }
        assert_eq!((said, progress.tenth()), (10, 10));
    }

    #[test]
    fn bars_can_be_drawn() {
        let hidden = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut progress = Screen { bars: Some(hidden) }.progress("family");
        progress.read(5);
        progress.planned(40);
        progress.done(40);
        assert_eq!(progress.bar.as_ref().unwrap().position(), 40);
        progress.finish();
    }
}
