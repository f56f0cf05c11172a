# SPDX-License-Identifier: Apache-2.0
"""Starts hubdrain-emulator on 127.0.0.1, makes sample messages, reads what hubdrain delivered."""
import collections
import json
import os
import re
import subprocess
import urllib.error
import urllib.request

from . import tap

KEY_NAME = "RootManageSharedAccessKey"
KEY = "SAS_KEY_VALUE"

MESSAGE = (
    '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
    '<Provider Name="Microsoft-Windows-Sysmon" Guid="{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"/>'
    '<EventID>11</EventID><Version>2</Version><Level>4</Level><Task>11</Task><Opcode>0</Opcode>'
    '<Keywords>0x8000000000000000</Keywords>'
    '<TimeCreated SystemTime="2026-01-02T03:04:05.1234567Z"/>'
    '<EventRecordID>%d</EventRecordID><Correlation/><Execution ProcessID="3000" ThreadID="4000"/>'
    '<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws-%d.example.org</Computer>'
    '<Security UserID="S-1-5-18"/></System><EventData>'
    '<Data Name="RuleName">-</Data><Data Name="UtcTime">2026-01-02 03:04:05.123</Data>'
    '<Data Name="ProcessGuid">{11111111-2222-3333-4444-555555555555}</Data>'
    '<Data Name="ProcessId">1234</Data><Data Name="Image">C:\\Windows\\explorer.exe</Data>'
    '<Data Name="TargetFilename">C:\\Users\\alice\\Documents\\report-%d.docx</Data>'
    '<Data Name="CreationUtcTime">2026-01-02 03:04:05.123</Data>'
    '<Data Name="User">EXAMPLE\\alice</Data></EventData></Event>')


def write_messages(path, count):
    """`count` messages, each one event with its own record number from 1."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(1, count + 1):
            xml = MESSAGE % (number, number % 7, number)
            file.write(json.dumps({"properties": {"RawXml": xml}}) + "\n")


class Emulator:
    def __init__(self, build, hub="events", partitions=4, arguments=(), log=None):
        self.hub = hub
        program = os.path.join(build, "emulator", "hubdrain-emulator")
        command = [program, "--listen", "127.0.0.1:0", "--hub", hub,
                   "--partitions", str(partitions), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.port = self.tls_port = self.admin_port = None
        for line in self.process.stdout:
            ports = dict(re.findall(r"(amqps?|admin)=127\.0\.0\.1:(\d+)", line))
            if ports:
                self.port = int(ports["amqp"])
                self.tls_port = int(ports.get("amqps", 0))
                self.admin_port = int(ports.get("admin", 0))
                break
        if self.port is None:
            raise tap.Failed("the emulator did not start: exit status %s" % self.process.wait())

    def connection_string(self):
        return ("Endpoint=sb://127.0.0.1:%d;SharedAccessKeyName=%s;SharedAccessKey=%s;"
                "UseDevelopmentEmulator=true;EntityPath=%s" % (self.port, KEY_NAME, KEY, self.hub))

    def _ask(self, method, path, body=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.admin_port, path),
                                         data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise tap.Failed("%s %s: %d %s" % (method, path, error.code,
                                               error.read().decode(errors="replace")))

    def post(self, path, text=""):
        return self._ask("POST", path, text if isinstance(text, bytes) else text.encode())

    def delete(self, path):
        return self._ask("DELETE", path)

    def state(self):
        return json.loads(self._ask("GET", "/state"))

    def stop(self):
        self.process.kill()
        self.process.wait()


class Delivered:
    """Follows the lines that hubdrain appended to its output files."""

    def __init__(self, *paths):
        self.paths = paths

    def read(self):
        """(Counter of event ids, set of record numbers); the torn last line is not counted."""
        ids, records = collections.Counter(), set()
        for path in self.paths:
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                continue
            for line in data[:data.rfind(b"\n") + 1].splitlines():
                event = json.loads(line)
                ids[event["event"]["id"]] += 1
                records.add(int(event["winlog"]["record_id"]))
        return ids, records

    def lines(self):
        """How many lines there are: cheap, for waiting."""
        total = 0
        for path in self.paths:
            try:
                with open(path, "rb") as file:
                    total += sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
            except FileNotFoundError:
                pass
        return total

    def count(self):
        return len(self.read()[0])
