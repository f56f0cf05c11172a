# SPDX-License-Identifier: Apache-2.0
"""Starts Azurite (the blob part) on 127.0.0.1 and reads checkpoints in it, signing with SharedKey."""
import base64
import email.utils
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

from . import tap

ACCOUNT = "devstoreaccount1"
# Azurite's well-known key; it is the same everywhere and protects nothing.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def require(source):
    """The path of Azurite's main module; the test is skipped where it is not installed."""
    program = os.path.join(source, "tests/integration/sdk/node_modules/azurite/dist/src/blob/main.js")
    if not os.path.exists(program) or not shutil.which("node"):
        tap.skip_all("Azurite is not installed: run scripts/setup")
    return program


class Azurite:
    def __init__(self, source, location=None, port=0):
        command = ["node", require(source), "--blobHost", "127.0.0.1", "--blobPort", str(port),
                   "--skipApiVersionCheck", "--loose", "--disableTelemetry"]
        command += ["--location", location] if location else ["--inMemoryPersistence"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.port = None
        for line in self.process.stdout:
            found = re.search(r"successfully listens on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                break
        if self.port is None:
            raise tap.Failed("Azurite did not start: exit status %s" % self.process.wait())

    def connection_string(self):
        return ("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;"
                "BlobEndpoint=http://127.0.0.1:%d/%s" % (ACCOUNT, KEY, self.port, ACCOUNT))

    def _get(self, path, query):
        date = email.utils.formatdate(usegmt=True)
        headers = {"x-ms-date": date, "x-ms-version": "2021-12-02"}
        canonical = "".join("\n%s:%s" % (name, query[name]) for name in sorted(query))
        text = "GET" + "\n" * 12 + "x-ms-date:%s\nx-ms-version:2021-12-02\n/%s/%s%s%s" % (
            date, ACCOUNT, ACCOUNT, path, canonical)
        signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        headers["Authorization"] = "SharedKey %s:%s" % (
            ACCOUNT, base64.b64encode(signature).decode())
        url = "http://127.0.0.1:%d/%s%s?%s" % (self.port, ACCOUNT, path,
                                               urllib.parse.urlencode(query))
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers),
                                    timeout=30) as answer:
            return answer.read()

    def checkpoints(self, container="hubdrain"):
        """{blob name: (sequence number, offset)} of all checkpoint blobs; {} without a container."""
        try:
            body = self._get("/" + container, {"restype": "container", "comp": "list",
                                               "include": "metadata"})
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}
            raise
        found = {}
        for blob in ElementTree.fromstring(body).iter("Blob"):
            name = blob.findtext("Name")
            if "/checkpoint/" in name:
                metadata = blob.find("Metadata")
                found[name] = (int(metadata.findtext("sequencenumber")),
                               metadata.findtext("offset"))
        return found

    def positions(self, container="hubdrain"):
        """{partition: sequence number}"""
        return {name.rsplit("/", 1)[1]: position[0]
                for name, position in self.checkpoints(container).items()}

    def stop(self):
        self.process.kill()
        self.process.wait()
