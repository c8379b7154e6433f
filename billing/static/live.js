// Keeps a page current without moving anything under the reader's fingers.
// <main data-live="2"> asks the same address every 2 s. While `data-state` stays the same only the parts named by
// `data-part` change; when it changes, the whole content does, and its heading is announced once.
// Without answers the page says since when (`data-silent`), and its live chips look old.
(() => {
  const main = document.querySelector("main[data-live]"), every = 1000 * main.dataset.live;
  const silent = document.querySelector("[data-silent]"), said = document.querySelector("#said");
  let misses = 0, lost = null;

  const swap = (fresh) => {
    const title = fresh.querySelector("title"), next = fresh.querySelector("main");
    if (!next) return;
    if (next.dataset.state !== main.dataset.state) {
      const held = main.contains(document.activeElement);
      main.dataset.state = next.dataset.state;
      main.innerHTML = next.innerHTML;
      if (title) document.title = title.textContent;
      const heading = main.querySelector("h1");
      if (said && heading) said.textContent = heading.textContent;
      if (held && heading) { heading.tabIndex = -1; heading.focus(); }
      if (!next.dataset.live) delete main.dataset.live;
      document.dispatchEvent(new Event("swapped"));
      return;
    }
    for (const part of next.querySelectorAll("[data-part]")) {
      const old = main.querySelector(`[data-part="${part.dataset.part}"]`);
      if (old && old.innerHTML !== part.innerHTML && !old.contains(document.activeElement)) old.innerHTML = part.innerHTML;
    }
  };

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, {cache: "no-store", signal: AbortSignal.timeout(10000)});
      const text = await answer.text();
      if (!answer.ok) throw new Error(answer.status);
      if (answer.redirected) { location.replace(answer.url); return; }
      swap(new DOMParser().parseFromString(text, "text/html"));
      misses = 0; lost = null;
    } catch {
      misses += 1; lost ??= new Date();
    }
    main.classList.toggle("cut", misses > 2);
    if (silent) {
      silent.hidden = misses < 3;
      if (lost) silent.querySelector("time").textContent = lost.toLocaleTimeString(document.documentElement.lang, {timeStyle: "short"});
    }
  };
  const again = async () => {
    await look();
    if (main.dataset.live) setTimeout(again, every * Math.min(1 + misses, 8));
  };
  document.addEventListener("visibilitychange", look);
  setTimeout(again, every);
})();
