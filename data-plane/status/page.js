// The server renders the report; this fetches it anew, puts it in place and works out rates from two of them.
(function () {
  "use strict";
  const every = 2000;
  const report = document.getElementById("report");
  let before = read(report), query = "", failedSince = 0;

  function read(root) {
    const numbers = new Map();
    for (const e of root.querySelectorAll("[data-rate]")) numbers.set(e.dataset.rate, Number(e.dataset.n));
    return { at: performance.now(), numbers };
  }

  function showRates(now) {
    const seconds = (now.at - before.at) / 1000;
    for (const e of report.querySelectorAll("[data-rate]")) {
      const old = before.numbers.get(e.dataset.rate);
      const rate = old === undefined ? 0 : (Number(e.dataset.n) - old) / seconds;
      const text = document.createElement("small");
      if (rate > 0) text.textContent = e.dataset.unit ? rate.toFixed(2) + " " + e.dataset.unit : "+" + format(rate) + "/s";
      e.append(text);
    }
    before = now;
  }

  function format(rate) {
    return rate >= 10 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1);
  }

  function filter() {
    for (const item of report.querySelectorAll(".item")) {
      item.hidden = query !== "" && !item.textContent.toLowerCase().includes(query);
    }
  }

  // The page's parts that a person holds: open details, and the search field with its cursor.
  function replace(html) {
    const open = [...report.querySelectorAll("details[open]")].map((d) => d.id);
    const search = document.getElementById("search");
    report.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    const fresh = document.getElementById("search");
    if (search && fresh) {
      const focused = document.activeElement === search || lastFocus === "search";
      fresh.replaceWith(search);
      if (focused) search.focus({ preventScroll: true });
    }
    offerSearch();
  }

  let lastFocus = "";
  function offerSearch() {
    const search = document.getElementById("search");
    if (!search) return;
    search.hidden = report.querySelectorAll(".item").length < 6 && query === "";
    search.oninput = () => { query = search.value.trim().toLowerCase(); filter(); };
    filter();
  }

  function live(text) {
    const place = document.getElementById("live");
    if (place) place.textContent = text;
  }

  async function refresh() {
    lastFocus = document.activeElement ? document.activeElement.id : "";
    try {
      const answer = await fetch("status?view=page", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error("status " + answer.status);
      replace(await answer.text());
      showRates(read(report));
      document.title = (report.querySelector("header .pill.good") ? "Ready" : "Not ready") + " · Kafka data plane";
      failedSince = 0;
      live(" · live");
    } catch (e) {
      failedSince ||= Date.now();
      document.title = "No answer · Kafka data plane";
      live(" · no answer for " + Math.round((Date.now() - failedSince) / 1000) + " s, these are old figures");
    }
    setTimeout(refresh, every);
  }

  showRates(before);
  offerSearch();
  setTimeout(refresh, every);
})();
