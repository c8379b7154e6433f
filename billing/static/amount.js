// The amount to stop at: what it buys stands beside it while the slider moves. Every word of it comes from the server,
// and what counts is what the server computes when the form arrives.
(() => {
  const range = document.querySelector("#a"), table = JSON.parse(range.dataset.table);
  const put = (name, text) => document.querySelectorAll(`[data-${name}]`).forEach((e) => { e.textContent = text; });
  const show = () => {
    const place = Math.round((range.value - range.min) / range.step), [amount, energy, time, ends, kept] = table[place];
    put("amount", amount); put("energy", energy); put("lasts", time); put("ends", ends); put("kept", kept);
    range.setAttribute("aria-valuetext", amount);
    range.style.setProperty("--p", `${(100 * place) / Math.max(1, table.length - 1)}%`);
  };
  for (const button of document.querySelectorAll("[name=step]")) {
    button.type = "button";
    button.addEventListener("click", () => { range.value = +range.value + button.value * range.step; show(); });
  }
  document.querySelector("#upd").hidden = true;
  range.addEventListener("input", show);
  show();
})();
