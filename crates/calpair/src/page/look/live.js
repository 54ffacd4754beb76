// Shows by itself what is new: the page is fetched again every few seconds and put in place of what
// changed. Nothing here is needed; without it the page loads itself once a minute.
(() => {
  "use strict";
  const EVERY = 4000;
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  // Seconds in tens: a page that counts is not calm.
  const TEN = 10;
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  function said(seconds) {
    for (const [unit, length] of units) {
      if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
    }
    if (Math.abs(seconds) >= TEN) return relative.format(Math.round(seconds / TEN) * TEN, "second");
    return seconds > 0 ? "in a moment" : "just now";
  }

  function tellTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!time.title) time.title = at.toLocaleString();
      const words = said((at - Date.now()) / 1000);
      if (time.textContent !== words) time.textContent = words;
    }
  }

  // The time of the page itself is no news.
  const shape = (live) => live.innerHTML.replace(/As of <time.*?<\/time>/, "");
  let last = shape(document.querySelector("#live"));

  function put(next) {
    const now = document.querySelector("#live");
    const open = new Set([...now.querySelectorAll("details[open][id]")].map((d) => d.id));
    for (const details of next.querySelectorAll("details[id]")) {
      if (open.has(details.id)) details.open = true;
    }
    const focus = document.activeElement && now.contains(document.activeElement)
      ? document.activeElement.id : "";
    const headline = next.querySelector("h1").textContent;
    const changed = headline !== now.querySelector("h1").textContent;
    now.replaceWith(next);
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
    if (changed) document.querySelector("#spoken").textContent = headline;
  }

  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { redirect: "error" });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("#live");
      document.body.classList.remove("lost");
      if (!next || shape(next) === last) return;
      last = shape(next);
      document.title = page.title;
      put(next);
    } catch {
      document.body.classList.add("lost");
    } finally {
      tellTimes();
    }
  }

  tellTimes();
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
})();
