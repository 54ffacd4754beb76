//! The ways to the connect page: with the page's password, with a link, with neither; and what is
//! remembered in cookies.

use model::AccountName;

use super::*;
use crate::control::Request;
use crate::report::Link;
use crate::text::segment;

const FAR: &str =
    "public_url = \"https://cal.example.org\"\nreturn_to = [\"https://app.example/done\"]";

const MICROSOFT: &str = "[accounts.m]\nprovider = \"microsoft\"\n\
     client_id = \"00000000-0000-0000-0000-000000000000\"\n";

/// What a hidden field of a page says.
fn hidden(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    Some(rest.split('"').next()?.replace("&amp;", "&"))
}

fn header<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

/// A link to an account, as `calpair connect ACCOUNT --link` makes it.
async fn link(stage: &Stage, account: &str) -> String {
    let reply = stage.site.service.answer(Request::Link { account: account.into() }).await;
    let link: Link =
        serde_json::from_value(reply.report.clone()).unwrap_or_else(|_| panic!("{reply:?}"));
    link.url.split("link=").nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn who_signs_in_on_the_way_comes_to_where_an_application_sent_them() {
    let stage = Stage::new(FAR, Some(PASSWORD)).await;
    let to = format!("/connect/r?return_to={}&state=a%26b", segment("https://app.example/done"));
    let page = stage.get(&to, &[]).await;
    assert_eq!(status(&page), 401);
    assert_eq!(hidden(&page, "to").as_deref(), Some(to.as_str()));
    let cookie = header(&page, "set-cookie")[0].split(';').next().unwrap().to_owned();
    let enter = async |to: &str, password: &str| {
        let body = format!("token={}&to={}&password={password}", token(&page), segment(to));
        stage.ask("POST /sign-in", &[("Cookie", &cookie)], &body).await
    };
    let wrong = enter(&to, "wrong").await;
    assert_eq!((status(&wrong), hidden(&wrong, "to").as_deref()), (403, Some(to.as_str())));
    let entered = enter(&to, "correct+horse+battery").await;
    assert_eq!((status(&entered), header(&entered, "location")), (303, vec![to.as_str()]));
    let entered = header(&entered, "set-cookie")[0].split(';').next().unwrap().to_owned();
    let form = stage.get(&to, &[("Cookie", &entered)]).await;
    assert_eq!(status(&form), 200);
    let carried = (hidden(&form, "return_to"), hidden(&form, "state"));
    assert_eq!(carried, (Some("https://app.example/done".into()), Some("a&b".into())));
    // Nowhere else, however it is written.
    let foreign = [
        "https://evil.example/connect/r",
        "//evil.example/connect/r",
        "/\\evil.example",
        "\\\\evil.example/connect/",
        "javascript:alert(1)",
        "/pairs/p/pause",
        "connect/r",
        "/connect/r?link=0123",
        "/connect/r\r\nX-Evil: 1",
        "",
    ];
    for to in foreign {
        let entered = enter(to, "correct+horse+battery").await;
        assert_eq!(header(&entered, "location"), ["/"], "{to}");
        assert!(header(&entered, "x-evil").is_empty());
    }
    // The overview is where somebody comes anyway.
    assert_eq!(hidden(&stage.get("/", &[]).await, "to"), None);
}

#[tokio::test]
async fn a_link_that_is_good_for_nothing_any_more_is_no_link() {
    let stage = Stage::daemon(FAR, Some(PASSWORD)).await;
    let token = link(&stage, "l").await;
    let good = format!("calpair-link={token}");
    let cleared = |answer: &str| {
        let cookies = header(answer, "set-cookie").into_iter();
        cookies.filter(|c| c.starts_with("calpair-link=;") && c.contains("Max-Age=0")).count()
    };
    let plain = stage.get("/connect/l", &[]).await;
    let stale = stage.get("/connect/l", &[("Cookie", "calpair-link=0123")]).await;
    assert_eq!((status(&plain), status(&stale)), (401, 401));
    assert!(stale.contains("name=\"password\""), "who has the password gives it: {stale}");
    assert_eq!((cleared(&plain), cleared(&stale)), (0, 1));
    // One that leads elsewhere is none here, and is kept.
    let elsewhere = stage.get("/connect/r", &[("Cookie", &good)]).await;
    assert_eq!((status(&elsewhere), cleared(&elsewhere)), (401, 0));
    let here = stage.get("/connect/l", &[("Cookie", &good)]).await;
    assert_eq!((status(&here), cleared(&here)), (200, 0));
    // Whoever is typing is told.
    let name = AccountName::new("l");
    let links = stage.site.service.links();
    links.claim(&token, stage.site.service.now()).unwrap().used(stage.site.service.now());
    let browser = header(&here, "set-cookie")[0].split(';').next().unwrap();
    let both = format!("{browser}; {good}");
    let body = format!("token={}&password=x", super::token(&here));
    let typed = stage.ask("POST /connect/l", &[("Cookie", &both)], &body).await;
    assert!(status(&typed) == 410 && typed.contains("used already"), "{typed}");
    // And what came of it is still shown, for a while.
    let done = stage.get("/connect/l/done", &[("Cookie", &both)]).await;
    assert_eq!(status(&done), 200, "{done}");
    assert_eq!(
        links.worth(&token, &name, stage.site.service.now()),
        crate::service::Worth::JustUsed
    );
}

#[tokio::test]
async fn strangers_learn_nothing_of_accounts() {
    let stage = Stage::with("", MICROSOFT, Some(PASSWORD)).await;
    let mut answers = Vec::new();
    for name in ["l", "r", "m", "nobody"] {
        for cookie in ["x=y", "calpair-link=0123"] {
            for tail in ["", "/done", "?return_to=https://evil.example/&state=s"] {
                let path = format!("/connect/{name}{tail}");
                let answer = stage.get(&path, &[("Cookie", cookie)]).await;
                let cookies = header(&answer, "set-cookie").into_iter();
                let browser = cookies.filter_map(|c| c.strip_prefix("calpair=")).next().unwrap();
                let browser = browser.split(';').next().unwrap();
                let plain = answer.replace(&token(&answer), "T").replace(browser, "B");
                let plain = plain.replace(&format!("/connect/{name}"), "/connect/N");
                let lines = plain.lines().filter(|line| {
                    !line.starts_with("date: ") && !line.starts_with("content-length: ")
                });
                let plain: Vec<&str> = lines.collect();
                answers.push(((cookie, tail), plain.join("\n")));
            }
        }
    }
    for (asked, answer) in &answers {
        let same = answers.iter().filter(|(other, _)| other == asked);
        assert!(same.clone().count() == 4 && answer.contains(" 401 "), "{asked:?}");
        for (_, other) in same {
            assert_eq!(answer, other, "{asked:?}");
        }
    }
    for name in ["l", "r", "m", "nobody"] {
        let (cookie, token) = stage.browser("/sign-in").await;
        for path in ["", "/sign-in", "/pair"] {
            let line = format!("POST /connect/{name}{path}");
            let answer = stage.ask(&line, &[("Cookie", &cookie)], &format!("token={token}")).await;
            assert_eq!(status(&answer), 401, "{line}");
        }
    }
    // Whoever may know is led to where Microsoft sends people back.
    let entered = stage.enter().await;
    let led = stage.get("/connect/m?state=s", &[("Cookie", &entered)]).await;
    let to = format!("http://localhost:{}/connect/m?state=s", stage.port);
    assert_eq!((status(&led), header(&led, "location")), (303, vec![to.as_str()]));
    assert_eq!(status(&stage.get("/connect/nobody", &[("Cookie", &entered)]).await), 404);
}

#[tokio::test]
async fn cookies_are_for_no_script_and_over_https_for_nothing_else() {
    let stage = Stage::daemon(FAR, Some(PASSWORD)).await;
    let token = link(&stage, "l").await;
    let own = format!("127.0.0.1:{}", stage.port);
    for (host, is_secure) in [("cal.example.org", true), (own.as_str(), false)] {
        let host = ("Host", host);
        let form = stage.get("/sign-in", &[host]).await;
        let cookie = header(&form, "set-cookie")[0].split(';').next().unwrap();
        let body = format!("token={}&password=correct+horse+battery", super::token(&form));
        let entered = stage.ask("POST /sign-in", &[host, ("Cookie", cookie)], &body).await;
        let linked = stage.get(&format!("/connect/l?link={token}"), &[host]).await;
        assert_eq!(status(&linked), 303);
        let stale = stage.get("/connect/l", &[host, ("Cookie", "calpair-link=1")]).await;
        for answer in [&form, &entered, &linked, &stale] {
            let cookies = header(answer, "set-cookie");
            assert!(!cookies.is_empty(), "{answer}");
            for cookie in cookies {
                let words: Vec<&str> = cookie.split("; ").collect();
                for word in ["Path=/", "HttpOnly", "SameSite=Lax"] {
                    assert!(words.contains(&word), "{host:?}: {cookie}");
                }
                assert_eq!(words.contains(&"Secure"), is_secure, "{host:?}: {cookie}");
                assert!(!cookie.contains("Domain"), "{cookie}");
            }
        }
    }
}

#[tokio::test]
async fn attempts_to_connect_are_counted_whatever_is_tried() {
    let stage = Stage::with("", MICROSOFT, None).await;
    let (cookie, token) = stage.browser("/").await;
    let send = async |path: &str, more: &str| {
        let body = format!("token={token}{more}");
        status(&stage.ask(&format!("POST {path}"), &[("Cookie", &cookie)], &body).await)
    };
    // What is questioned goes nowhere, and is no attempt.
    for _ in 0..12 {
        assert_eq!(send("/connect/r", "&password=My-Apple-ID-1").await, 422);
    }
    for number in 0..10 {
        assert_eq!(send("/connect/m/sign-in", "").await, 303, "{number}");
    }
    assert_eq!(send("/connect/m/sign-in", "").await, 429);
    assert_eq!(send("/connect/r", "&password=abcd-efgh-ijkl-mnop").await, 429);
    assert_eq!(send("/connect/l", "&password=guess").await, 429);
    // Who wants to see the page is none of them.
    assert_eq!(status(&stage.get("/connect/l", &[("Cookie", &cookie)]).await), 200);
}

#[tokio::test]
async fn who_sends_a_letter_now_and_then_keeps_nobody_out() {
    let stage = Stage::new("", None).await;
    let mut slow = Vec::new();
    for at in 0..64 {
        let mut stream = TcpStream::connect(("127.0.0.1", stage.port)).await.unwrap();
        // Half of them dawdle over the form instead.
        let text = match at % 2 {
            0 => "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_owned(),
            _ => format!(
                "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 100\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=",
                stage.port
            ),
        };
        stream.write_all(text.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let answer = stage.get("/healthz", &[]).await;
    assert_eq!(status(&answer), 200, "{answer}");
    // One more letter each, and they would have had five minutes.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let all = slow.len();
    let mut heads = 0;
    for mut stream in slow {
        let mut rest = String::new();
        let _ = stream.read_to_string(&mut rest).await;
        heads += usize::from(rest.is_empty() || rest.contains(" 408 "));
    }
    assert_eq!(heads, all);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
