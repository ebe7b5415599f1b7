// What pages do beyond links and forms: theme, "/" to search, selects that send their form, the side panel.
(function () {
  "use strict";
  var root = document.documentElement;

  function isDark() {
    if (root.dataset.theme) return root.dataset.theme === "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function showTheme(button) {
    button.setAttribute("aria-pressed", String(isDark()));
  }

  var themeButton = document.getElementById("theme");
  if (themeButton) {
    themeButton.hidden = false;
    showTheme(themeButton);
    themeButton.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch (refused) {
        // Storage is off: the choice lasts as long as the page.
      }
      showTheme(themeButton);
    });
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") closeMenus(null);
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    var search = document.querySelector("[data-slash]");
    if (search) {
      event.preventDefault();
      search.focus();
      if (search.select) search.select();
    }
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });

  // A search box already searched while it was typed in: leaving it must not replace the results one is about to use.
  document.addEventListener(
    "change",
    function (event) {
      if (event.target.matches(".search")) event.stopPropagation();
    },
    true
  );

  function closeMenus(except) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (menu === except) return;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    });
  }

  var more = document.querySelector("[data-more]");
  if (more) {
    more.addEventListener("click", function () {
      var open = more.form.classList.toggle("all");
      more.setAttribute("aria-expanded", String(open));
    });
  }

  var panel = document.getElementById("panel");

  document.addEventListener("click", function (event) {
    closeMenus(event.target.closest("details.menu"));
    if (event.target.closest("[data-close]") || event.target === panel) panel.close();
  });

  // A link with modifier keys opens a tab, as everywhere; otherwise its page comes into the panel.
  document.addEventListener("htmx:beforeRequest", function (event) {
    var click = event.detail.requestConfig && event.detail.requestConfig.triggeringEvent;
    var opener = event.target.closest("[data-panel]");
    if (opener && click && (click.ctrlKey || click.metaKey || click.shiftKey)) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    if (panel && event.target.id === "panel-body" && !panel.open) panel.showModal();
  });
})();
