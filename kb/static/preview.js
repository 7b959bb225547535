// Only in `kb preview`: shows the page again when its article was saved. A browser that reloads a
// page keeps its place on it.
(function () {
  "use strict";
  var bar = document.querySelector("[data-preview]");
  if (!bar) return;
  var news = new EventSource(bar.dataset.preview);
  news.onmessage = function (event) {
    if (event.data === bar.dataset.state) return;
    news.close();
    location.reload();
  };
  addEventListener("pagehide", function () { news.close(); });
})();
