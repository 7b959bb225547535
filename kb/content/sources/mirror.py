"""Mirror a remote repository of articles into a local folder.

A fetch uses https, ssh or a path alone, runs no hook, asks no question and has a time limit. No
credential reaches a log, an error or the list of processes. Nothing is checked out.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kb.config.repositories import Remote
from kb.content.sources.git import SAFE, environment, no_git
from kb.errors import ContentError

HEAD = "refs/published/HEAD"  # in the mirror: the remote's default branch
_TIMEOUT = 300  # seconds for one fetch, the first and largest included
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_SETTINGS = (
    *SAFE,
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "credential.helper=",
    "core.askPass=",
    "fetch.recurseSubmodules=no",
    "submodule.recurse=false",
    # A redirect could lead to a server that the operator did not name.
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    # Housekeeping is done before a fetch ends, not in the background.
    "gc.autoDetach=false",
)
_PASSED_ON = (
    "SSH_AUTH_SOCK",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


def fetch(remote: Remote, place: Path, *, lock: int) -> None:
    """Bring the mirror at `place` to the remote's state, all of it or nothing.

    `lock` is the file descriptor of a lock that the caller holds on the mirror. Git inherits it, so
    that the lock outlives a caller that is killed while its Git still writes. ContentError when the
    remote does not answer.
    """
    if not (place / "HEAD").is_file() or not (place / "refs").is_dir():
        place.mkdir(parents=True, exist_ok=True)
        _git(remote, place, ("init", "--quiet", "--bare", str(place)), lock)
    # Left behind by a Git that was killed: we hold the lock, so no other Git is running.
    for left in place.rglob("*.lock"):
        left.unlink(missing_ok=True)
    wanted = (*_EVERYTHING, f"+HEAD:{HEAD}")
    words = ("fetch", "--quiet", "--prune", "--atomic", "--no-write-fetch-head", "source", *wanted)
    _git(remote, place, words, lock)


def is_fetched(place: Path) -> bool:
    """Whether anything was ever fetched into the mirror at `place`."""
    refs = (place / "packed-refs", *(place / "refs").rglob("*"))
    return any(ref.is_file() for ref in refs)


def _git(remote: Remote, place: Path, words: tuple[str, ...], lock: int) -> None:
    settings = [*_SETTINGS, f"safe.directory={place}", f"safe.directory={remote.address}"]
    if remote.protocol in {"file", "http"}:
        settings.append(f"protocol.{remote.protocol}.allow=always")
    options = [word for setting in settings for word in ("-c", setting)]
    command = ["git", f"--git-dir={place}", "--no-pager", *options, *words]
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, words of our own, no shell
            command,
            env=_environment(remote),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            pass_fds=(lock,),
            check=False,
        )
    except FileNotFoundError as error:
        raise no_git() from error
    except subprocess.TimeoutExpired:
        raise _unreached(remote, f"it took more than {_TIMEOUT} seconds") from None
    if done.returncode != 0:
        raise _unreached(remote, _said(done.stderr))


def _environment(remote: Remote) -> dict[str, str]:
    """Return Git's environment for the network, with address and credentials, unseen by ps."""
    told = {"remote.source.url": remote.address}
    if remote.authorization:
        told["http.extraHeader"] = remote.authorization
    counted = {"GIT_CONFIG_COUNT": str(len(told))}
    for number, (key, value) in enumerate(told.items()):
        counted |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    ssh = {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}
    return environment() | passed_on | ssh | counted


def _said(errors: bytes) -> str:
    """Return the last reason that Git itself gave, in one line, without what the server wrote."""
    lines = errors.decode("utf-8", "replace").splitlines()
    ours = [line for line in lines if line.startswith(("fatal: ", "error: ", "ssh: "))]
    reason = ours[-1] if ours else "Git gave no reason"
    return "".join(each for each in reason if each.isprintable())[:200]


def _unreached(remote: Remote, why: str) -> ContentError:
    return ContentError(
        f"The articles could not be fetched from {remote.address}: {why}.",
        "Check the setting that names it and what it may read; what was fetched before stays.",
    )
