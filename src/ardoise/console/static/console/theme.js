// Before the first paint: the theme this person chose here, and the sign that scripts run.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("scripted");
  try {
    var chosen = localStorage.getItem("theme");
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  } catch (refused) {
    // Storage is off in this browser: the system's theme stays.
  }
})();
