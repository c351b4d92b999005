# SPDX-License-Identifier: GPL-2.0-or-later
"""The hooks and units of docs/integrations.md, as they are printed there and as they are shipped."""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest
from campaign_tools import ROOT, TITLE, Place, hook


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "a b; $(touch x) 'c'")


def printed(start):
    """The block of code on the page whose second line begins so, as a file has it."""
    blocks = re.findall(r"(?m)(?:^    .*\n|^\n(?=    ))+", (ROOT / "docs/integrations.md").read_text())
    texts = [re.sub(r"(?m)^    ", "", block).strip("\n") + "\n" for block in blocks]
    found, = [text for text in texts if start in text.partition("\n\n")[0]]
    return found


def example(folder, start):
    path = folder / "on-finding"
    path.write_text(printed(start))
    path.chmod(0o755)
    return path


def test_the_mail_of_the_page(place, tmp_path, monkeypatch):
    program = example(tmp_path, "# /etc/rdpmc/on-finding: mails")
    hook(tmp_path / "bin/sendmail", f'printf "%s\\n" "$@" >{tmp_path}/arguments; cat >{tmp_path}/mail; exit "$(cat {tmp_path}/ends)"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("RDPMC_MAILTO", "kvm@example.org")
    place.found("one")
    (tmp_path / "ends").write_text("75")
    assert place.tell(program) == 1             # the queue is full: the mail is not lost
    (tmp_path / "ends").write_text("0")
    assert place.tell(program) == 0
    assert (tmp_path / "arguments").read_text().split() == ["-i", "-t"]
    head, _, body = (tmp_path / "mail").read_text().partition("\n\n")
    assert head.splitlines()[:2] == ["To: kvm@example.org", f"Subject: [rdpmc] new: {TITLE}"]
    report = place.folder / "findings/one/finding.md"
    assert f"report: {report} on " in body and body.endswith(report.read_text())


def test_the_webhook_of_the_page(place, tmp_path, monkeypatch):
    program = example(tmp_path, "# /etc/rdpmc/on-finding: posts")
    program.write_text(program.read_text().replace("/usr/bin/python3", sys.executable))
    got, ends = [], [500, 200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(ends.pop(0))
            self.end_headers()

        def log_message(self, *words):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("RDPMC_WEBHOOK", f"http://127.0.0.1:{server.server_port}/x")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    place.found("one")
    try:
        assert place.tell(program) == 1 and place.tell(program) == 0
    finally:
        server.shutdown()
        server.server_close()
    assert len(got) == 2 and got[1][0] == "application/json"
    sent = json.loads(got[1][1])
    assert sent["text"] == f"new: kernel:x: {TITLE}\n{place.folder}/findings/one/finding.md" and sent["try"] == "2"


def test_the_log_line_of_the_page(place, tmp_path, monkeypatch):
    program = example(tmp_path, "# /etc/rdpmc/on-finding: warns")
    hook(tmp_path / "bin/logger", f'printf "%s\\n" "$@" >{tmp_path}/arguments\n')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    place.found("one")
    assert place.tell(program) == 0
    assert (tmp_path / "arguments").read_text().splitlines() == [
        "-t", "rdpmc", "-p", "user.warning", "--",
        f"new: kernel:x: {TITLE}; {place.folder}/findings/one/finding.md"]


UNITS = sorted(path.name for path in (ROOT / "scripts").glob("rdpmc-campaign*.*"))


def test_the_units(tmp_path):
    assert UNITS == ["rdpmc-campaign-nightly.service", "rdpmc-campaign-nightly.timer", "rdpmc-campaign.service"]
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    for name in UNITS:
        text = (ROOT / "scripts" / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/rdpmc", str(ROOT)))
        if name.endswith(".service"):
            (tmp_path / f"{name}.d").mkdir()
            (tmp_path / f"{name}.d/mail.conf").write_text(printed("service.d/mail.conf"))
    done = subprocess.run(["systemd-analyze", "verify", *(str(tmp_path / name) for name in UNITS)],
                          capture_output=True, text=True, check=False)
    # Of other units on this machine it may complain as well, and of mistakes in ours it only warns.
    ours = [line for line in done.stderr.splitlines() if "rdpmc" in line]
    assert not ours and done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_the_command_of_a_unit(name, tmp_path):
    """It is one that the campaign takes, with the options of /etc/default that the page prints."""
    unit = dict(re.findall(r"(?m)^(\w+)=(.*)$", (ROOT / "scripts" / name).read_text()))
    options = dict(re.findall(r"(?m)^(\w+)=(.*)$", printed("# /etc/default/rdpmc-campaign")))["OPTIONS"]
    options = options.replace("--engine kernel:mine ", "")    # which is not here
    command = unit["ExecStart"].replace("/opt/rdpmc", str(ROOT)).replace("$OPTIONS", options).split()
    done = subprocess.run([*command, "--engine", "emulator", "--dir", "/dev/null/c"], capture_output=True, text=True,
                          check=False)
    assert "Not a directory" in done.stderr and "see --help" not in done.stderr, done.stderr
    assert {"3", "130", "143"} <= set(unit["SuccessExitStatus"].split())
    assert ("1" in unit["SuccessExitStatus"].split()) == ("nightly" not in name)
    assert str(tmp_path)
