"""What a page must have so that everybody can use it, asked of the page itself."""

from __future__ import annotations

from playwright.sync_api import Page

_AUDIT = """
() => {
  const found = [];
  const shown = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const root = document.documentElement;
  if (!/^(fr|en)$/.test(root.lang)) found.push("no language: " + root.lang);
  if (!document.title.trim()) found.push("no title");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");

  const headings = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].filter(shown);
  if (headings.filter(h => h.tagName === "H1").length !== 1) found.push("not one h1");
  let level = 0;
  for (const h of headings) {
    const mine = Number(h.tagName[1]);
    if (mine > level + 1) found.push("heading skips a level: " + h.textContent.trim());
    level = mine;
  }

  const name = e => (e.getAttribute("aria-label") || (e.labels && e.labels[0] && e.labels[0].textContent) ||
    (e.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean)
      .map(id => (document.getElementById(id) || {}).textContent || "").join("") ||
    e.textContent || "").trim();
  for (const e of document.querySelectorAll("a[href],button,input:not([type=hidden]),select,textarea,summary"))
    if (shown(e) && !name(e)) found.push("no name: " + e.outerHTML.slice(0, 120));
  for (const e of document.querySelectorAll("input:not([type=hidden]),select"))
    if (!e.labels.length) found.push("no label: " + e.outerHTML.slice(0, 120));
  for (const e of document.querySelectorAll("img:not([alt])")) found.push("no alt: " + e.outerHTML.slice(0, 120));
  for (const e of document.querySelectorAll("table")) {
    if (!e.caption) found.push("table without a caption");
    if (!e.querySelector("th[scope]")) found.push("table without header cells");
  }
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push("id twice: " + id);
  for (const e of document.querySelectorAll("[aria-labelledby],[aria-describedby],label[for]"))
    for (const attribute of ["aria-labelledby", "aria-describedby", "for"])
      for (const id of (e.getAttribute(attribute) || "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) found.push("names nothing: " + id);
  return found;
}
"""

_CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = css => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.backgroundImage !== "none" && e.tagName !== "SELECT") return null;
      const colour = rgba(style.backgroundColor);
      if (colour[3] === 255) return colour;
      if (colour[3] > 0) return null;
    }
    return [255, 255, 255, 255];
  };
  const found = new Set();
  let judged = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.textContent.trim() || e.closest(".vh, option, svg, script, datalist")) continue;
    if (!e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
    const style = getComputedStyle(e);
    const back = behind(e);
    if (!back) continue;
    const [a, b] = [light(rgba(style.color)), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    judged += 1;
    if (ratio < (large ? 3 : 4.5)) found.add(ratio.toFixed(2) + " " + node.textContent.trim().slice(0, 40));
  }
  return judged > 5 ? [...found] : ["nothing was judged"];
}
"""


def problems(page: Page) -> list[str]:
    """Language, title, landmarks, order of headings, names, labels, tables, ids: what is missing."""
    return page.evaluate(_AUDIT)


def poor_contrasts(page: Page) -> list[str]:
    """Texts under the contrast of WCAG 2.2 AA (4.5; 3 when large). Texts over a picture or a gradient are left out."""
    return page.evaluate(_CONTRAST)


def sideways_scroll_px(page: Page) -> int:
    """How much wider than its window the page is."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")
