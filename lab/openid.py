"""A provider of identities on this machine, npm's oidc-provider, and a browser of one page at a time that
signs in by it; for names of a network of its own also as a process: `python3 lab/openid.py URL LOGIN` prints
the last answer as a list of its status, URL and page."""

import http.cookiejar
import json
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab.process import ROOT, Process, free_port, wait_until  # noqa: E402

TOOLS = ROOT / "build" / "tools" / "openid"
SECRET = "a secret/with+signs"
PAGES_MAX = 4  # of the provider's


class OpenId:
    def __init__(
        self, directory, redirect_uri, algorithm="RS256", method="client_secret_basic", port=None, prefix=()
    ):
        self.port = port or free_port()
        self.log = Path(directory) / f"openid-{algorithm}.log"
        words = ["node", TOOLS / "provider.mjs", self.port, redirect_uri, algorithm, method]
        self.process = Process(words, self.log, prefix=prefix)
        asking = [*prefix, "curl", "--silent", "--fail", f"{self.issuer}/.well-known/openid-configuration"]
        wait_until(
            lambda: subprocess.run(asking, stdout=subprocess.DEVNULL).returncode == 0,
            30,
            "the provider of identities answering",
        )

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self.port}"

    def sign_in_spec(self, **more):
        return {"issuer": self.issuer, "client_id": "weir", "client_secret": SECRET, **more}

    def stop(self):
        self.process.kill()


class Browser:
    """Follows redirections and keeps cookies, as a browser does. shown: it asks for pages, as people do."""

    def __init__(self, shown=False):
        self.jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(rfc2965=False))
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        if shown:
            self.opener.addheaders = [("Accept", "text/html,*/*")]

    def open(self, url, form=None, headers=None, method=None, body=None):
        data = urllib.parse.urlencode(form).encode() if form is not None else body
        request = urllib.request.Request(url, data, headers or {}, method=method)
        try:
            response = self.opener.open(request, timeout=20)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return response.status, response.url, response.read().decode()

    def cookie(self, name):
        return next((one.value for one in self.jar if one.name == name), None)

    def sign_in(self, start, login):
        """Through the provider's pages (a login, the end of another's, a consent) until weir's own answer."""
        status, url, page = self.open(start)
        for _ in range(PAGES_MAX):
            action = re.search(r'<form[^>]*action="([^"]+)"', page)
            if not action:
                break
            fields = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', page))
            if fields.get("prompt") == "login":
                fields |= {"login": login, "password": "any"}
            status, url, page = self.open(urllib.parse.urljoin(url, action.group(1)), fields)
        return status, url, page


if __name__ == "__main__":
    print(json.dumps(Browser(shown=True).sign_in(*sys.argv[1:3])))
