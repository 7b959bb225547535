// Runs before the first paint, so that a chosen theme never flashes. Without a choice the system decides.
(function () {
  try {
    var chosen = localStorage.getItem("theme");
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  } catch (e) { /* storage is blocked: the system decides */ }
})();
