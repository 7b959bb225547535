"""Programs are told from browsers by what they say of themselves."""

from __future__ import annotations

import pytest

from kb.tracking.user_agents import is_ahead, is_robot

SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"

ROBOTS = f"""
Googlebot/2.1 (+http://www.google.com/bot.html)
Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)
Mozilla/5.0 (Linux; Android 6.0.1) {CHROME} (compatible; Google-InspectionTool/1.0;)
Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)
Mozilla/5.0 (compatible; YandexImages/3.0; +http://yandex.com/bots)
DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)
Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)
Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)
Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; CCBot/2.0; +ccbot@example.org)
Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)
facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)
Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)
Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5
WhatsApp/2.23.20.0
Mozilla/5.0 (X11; Linux x86_64) {CHROME.replace("Chrome", "HeadlessChrome")} Safari/537.36
Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Playwright
Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36 DatadogSynthetics
Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)
kube-probe/1.29
check_http/v2.3.3 (nagios-plugins 2.3.3)
curl/8.5.0
Wget/1.21.4
python-requests/2.32.3
Go-http-client/2.0
Java/21.0.2
Apache-HttpClient/4.5.14 (Java/17)
PostmanRuntime/7.42.0
Scrapy/2.11
GoogleOther
Mozilla/5.0 (Linux; Android 13; Monitor/2.0) {CHROME} Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 7.0;) {CHROME} Mobile Safari/537.36 (compatible; PetalBot)
Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {CHROME} Mobile Safari/537.36 Checker
Mozilla/5.0 (Linux; Android 10; K; SiteMonitor) {CHROME} Mobile Safari/537.36
""".strip().splitlines()
BROWSERS = f"""
Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0
Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36
Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/131.0.2903.51
Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 OPR/115.0.0.0
Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko
Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15
Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1
Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1
Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S911B) {CHROME} SamsungBrowser/26.0 Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) {CHROME} Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 14; wv) {CHROME} Mobile Safari/537.36 Teams/1416/1.0.0
Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Teams/24295.605.3225.8804
Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36
Mozilla/5.0 (Linux; U; Android 12; es-us) {CHROME} UCBrowser/13.4 Mobile Safari/537.36
Opera/9.80 (Android; Opera Mini/36.2/119.132; U; es) Presto/2.12.423 Version/12.16
Lynx/2.9.2 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.3.1
w3m/0.5.3+git20230121
Emacs-w3m/1.4.632 w3m/0.5.3
URL/Emacs Emacs/29.4 (PGTK; x86_64-pc-linux-gnu)
Links (2.29; Linux 6.1.0-18-amd64 x86_64; GNU C 12.2; text)
ELinks/0.17.1 (textmode; Linux 6.6.0 x86_64; 213x55-2)
NetSurf/3.11 (Linux; x86_64)
Dillo/3.1.1
Mozilla/5.0 (Linux; Android 13; X5 Scanner) {CHROME} Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 11; Barcode Scanner Pro Build/RKQ1.2) {CHROME} Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 12; Smart Monitor M8) {CHROME} Safari/537.36
Mozilla/5.0 (Linux; U; Android 9; es-es; Monitor Build/PPR1) {CHROME} Mobile Safari/537.36
Mozilla/5.0 (Linux; Android 14; Robot Phone AI; wv) {CHROME} Mobile Safari/537.36
""".strip().splitlines()


@pytest.mark.parametrize("agent", ["", "   ", *ROBOTS])
def test_programs_are_robots(agent: str) -> None:
    assert is_robot(agent)


@pytest.mark.parametrize("agent", BROWSERS)
def test_browsers_are_not(agent: str) -> None:
    assert not is_robot(agent)


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"},
     {"X-Moz": "prefetch"}, {"X-Purpose": "preview"}],
)  # fmt: skip
def test_a_page_fetched_ahead_was_asked_for_by_nobody(headers: dict[str, str]) -> None:
    assert is_ahead("GET", headers)
    assert not is_ahead("GET", {})
    assert is_ahead("HEAD", {})
