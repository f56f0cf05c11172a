#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the sample events: tests/data/sysmon/*.json and tests/data/sysmon.jsonl.

Every value is invented; hosts, users and addresses are of the ranges kept for documentation. The
fields are Sysmon's, in the order of its templates; SINCE says with which Sysmon a field appeared, so
that an event of an older Sysmon has the fields of its time. The output is the same on every run and
every machine: the only source of chance is a small generator in here.

    tests/data/generate.py            writes both
    tests/data/generate.py --check    exits 1 if what is there differs
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GUID = '{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'
CHANNEL = 'Microsoft-Windows-Sysmon/Operational'
LINES = 640

# id: (System/Version, the first Sysmon that has it, title of the rendered text, fields)
EVENTS = {
    1: (5, 1.0, 'Process Create', 'RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company OriginalFileName CommandLine CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId ParentImage ParentCommandLine ParentUser'),
    2: (5, 1.0, 'File creation time changed', 'RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime PreviousCreationUtcTime User'),
    3: (5, 1.0, 'Network connection detected', 'RuleName UtcTime ProcessGuid ProcessId Image User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort DestinationPortName'),
    4: (3, 1.0, 'Sysmon service state changed', 'UtcTime State Version SchemaVersion'),
    5: (3, 1.0, 'Process terminated', 'RuleName UtcTime ProcessGuid ProcessId Image User'),
    6: (4, 2.0, 'Driver loaded', 'RuleName UtcTime ImageLoaded Hashes Signed Signature SignatureStatus'),
    7: (3, 2.0, 'Image loaded', 'RuleName UtcTime ProcessGuid ProcessId Image ImageLoaded FileVersion Description Product Company OriginalFileName Hashes Signed Signature SignatureStatus User'),
    8: (2, 3.0, 'CreateRemoteThread detected', 'RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid TargetProcessId TargetImage NewThreadId StartAddress StartModule StartFunction SourceUser TargetUser'),
    9: (2, 3.1, 'RawAccessRead detected', 'RuleName UtcTime ProcessGuid ProcessId Image Device User'),
    10: (3, 4.0, 'Process accessed', 'RuleName UtcTime SourceProcessGUID SourceProcessId SourceThreadId SourceImage TargetProcessGUID TargetProcessId TargetImage GrantedAccess CallTrace SourceUser TargetUser'),
    11: (2, 5.0, 'File created', 'RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime User'),
    12: (2, 5.0, 'Registry object added or deleted', 'RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject User'),
    13: (2, 5.0, 'Registry value set', 'RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject Details User'),
    14: (2, 5.0, 'Registry object renamed', 'RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject NewName User'),
    15: (2, 5.0, 'File stream created', 'RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime Hash Contents User'),
    16: (3, 5.0, 'Sysmon config state changed', 'UtcTime Configuration ConfigurationFileHash'),
    17: (1, 6.0, 'Pipe Created', 'RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User'),
    18: (1, 6.0, 'Pipe Connected', 'RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User'),
    19: (3, 6.1, 'WmiEventFilter activity detected', 'RuleName EventType UtcTime Operation User EventNamespace Name Query'),
    20: (3, 6.1, 'WmiEventConsumer activity detected', 'RuleName EventType UtcTime Operation User Name Type Destination'),
    21: (3, 6.1, 'WmiEventConsumerToFilter activity detected', 'RuleName EventType UtcTime Operation User Consumer Filter'),
    22: (5, 10.0, 'Dns query', 'RuleName UtcTime ProcessGuid ProcessId QueryName QueryStatus QueryResults Image User'),
    23: (5, 11.0, 'File Delete archived', 'RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable Archived'),
    24: (5, 12.0, 'Clipboard changed', 'RuleName UtcTime ProcessGuid ProcessId Image Session ClientInfo Hashes Archived User'),
    25: (5, 13.0, 'Process Tampering', 'RuleName UtcTime ProcessGuid ProcessId Image Type User'),
    26: (5, 13.1, 'File Delete logged', 'RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable'),
    27: (5, 14.0, 'File Block Executable', 'RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes'),
    28: (5, 14.1, 'File Block Shredding', 'RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable'),
    29: (5, 15.0, 'File Executable Detected', 'RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes'),
    255: (3, 1.0, 'Error report', 'UtcTime ID Description'),
}

# Fields that came later than their event.
SINCE = {'RuleName': 8.0, 'ParentUser': 13.3, 'SourceUser': 13.3, 'TargetUser': 13.3, 'Contents': 11.1}
for _event in (1, 7):
    SINCE.update({(_event, name): 7.0 for name in ('FileVersion', 'Description', 'Product', 'Company')})
    SINCE[_event, 'OriginalFileName'] = 10.0
for _event in (2, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 24, 25):
    SINCE[_event, 'User'] = 13.3

# The Sysmon whose fields the samples show, newest first.
VERSIONS = ((15.15, '15.15'), (13.1, '13.10'), (9.0, '9.01'), (6.1, '6.10'))

USERS = ['CORP\\anna.berg', 'CORP\\svc backup', 'NT AUTHORITY\\SYSTEM', 'NT AUTHORITY\\NETWORK SERVICE',
         'IIS APPPOOL\\shop\\api', 'AzureAD\\Zoë Möller', 'Window Manager\\DWM-1', 'NT AUTHORITY\\LOCAL SERVICE']
HOSTS = ['VM01.corp.example', 'WEB-02.corp.example', 'DC01.corp.example', 'LT-7731']
RULES = ['-', '-', '-', 'technique_id=T1055.012,technique_name=Process Hollowing',
         'technique_id=T1059.001,technique_name=Command and Scripting Interpreter: PowerShell',
         'technique_id=T1047,technique_name=Windows Management Instrumentation, remote',
         'T1089,Tamper-Defender', 'T1031,T1050', 'Alert,Office spawns a shell', 'InvocationLsass']
IMAGES = ['C:\\Windows\\System32\\svchost.exe', 'C:\\Windows\\System32\\cmd.exe', 'C:\\Windows\\explorer.exe',
          'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', 'C:\\Program Files\\Example App\\bin\\agent.v2.exe',
          'C:\\Users\\anna.berg\\AppData\\Local\\Temp\\setup (1).exe', 'System', 'D:\\Dienste\\Prüfung\\prüf.exe',
          '<unknown process>', 'C:\\Windows\\System32\\wbem\\WmiPrvSE.exe']
COMMANDS = ['"C:\\Windows\\System32\\cmd.exe" /c "echo a && echo b > C:\\Temp\\out.txt"',
            'C:\\Windows\\System32\\svchost.exe -k netsvcs -p -s Schedule',
            'powershell.exe -NoProfile -Command "& {Get-ChildItem \\"C:\\Program Files\\" | ConvertTo-Json}"',
            'agent.v2.exe --config "D:\\Daten\\Größe.json"  --level=3\t--name "a ""quoted"" word"',
            'C:\\Windows\\Explorer.EXE', '"C:\\Program Files\\Example App\\bin\\agent.v2.exe" --dir "C:\\Data\\\\" --tag <x&y>',
            'rundll32.exe shell32.dll,Control_RunDLL C:\\Temp\\\\\\"x', 'wmic /node:web-02 process call create "notepad.exe"']
FILES = ['C:\\Users\\anna.berg\\Downloads\\invoice.pdf.exe', 'C:\\ProgramData\\a.b\\c', 'D:\\share\\Übersicht 2024.xlsx',
         'C:\\Windows\\Temp\\~tmp0001.dll', '\\\\fs01.corp.example\\public\\tools\\putty.zip', 'C:\\Windows\\System32\\Tasks\\Nightly',
         'C:\\Users\\anna.berg\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\sync.lnk']
STREAMS = ['C:\\Users\\anna.berg\\Downloads\\invoice.pdf.exe:Zone.Identifier', 'C:\\ProgramData\\notes.txt:hidden.ps1',
           'D:\\share\\tools.zip:Zone.Identifier']
LIBRARIES = ['C:\\Windows\\System32\\ntdll.dll', 'C:\\Windows\\System32\\amsi.dll', 'C:\\Program Files\\Example App\\bin\\core.dll',
             'C:\\Users\\anna.berg\\AppData\\Local\\Temp\\x.tmp.dll']
DRIVERS = ['C:\\Windows\\System32\\drivers\\tcpip.sys', 'C:\\Windows\\System32\\drivers\\exdrv.sys', '\\SystemRoot\\System32\\win32k.sys']
KEYS = ['HKLM\\System\\CurrentControlSet\\Services\\ExampleSvc', 'HKU\\S-1-5-21-1000000001-2000000002-3000000003-1104\\Software\\Example',
        'HKCR\\.exa\\shell\\open\\command', '\\REGISTRY\\A\\{0f0e0d0c-1111-4222-8333-444455556666}\\Root\\InventoryApplicationFile',
        'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run']
VALUES = ['ImagePath', 'Start', '(Default)', 'LastSeen', 'Blob']
DETAILS = ['DWORD (0x00000004)', 'QWORD (0x01da9c4b-0x3f5e6a70)', 'Binary Data', '(Empty)', 'DWORD (0xffffffff)',
           '"C:\\Program Files\\Example App\\bin\\agent.v2.exe" --service', '%SystemRoot%\\system32\\svchost.exe -k netsvcs']
PUBLISHERS = [('Microsoft Corporation', 'Microsoft® Windows® Operating System', '10.0.19041.1 (WinBuild.160101.0800)', 'Microsoft Windows'),
              ('Example GmbH', 'Example App', '2.4.1', 'Example GmbH'), ('-', '-', '-', '-'), ('?', '?', '?', '?')]
PIPES = ['\\lsass', '<Anonymous Pipe>', '\\PSHost.133591401300000000.3936.DefaultAppDomain.powershell', '\\example-agent']
DNS = [('files.example.com', '0', 'type:  5 edge.example.net;::ffff:203.0.113.7;::ffff:203.0.113.8;'),
       ('www.example.org', '0', '198.51.100.23;2001:db8:0:0:0:0:0:17;'), ('no-such-name.example.com', '9003', '-'),
       ('_ldap._tcp.corp.example', '0', 'type:  33 ;192.0.2.10;'), ('slow.example.net', '1460', '-'), ('wpad', '9502', '-'),
       ('7.113.0.203.in-addr.arpa', '0', 'type:  12 files.example.com'), ('loop.example.net', '0', 'type:  5 loop2.example.net;type:  5 edge.example.net;203.0.113.9;203.0.113.9'),
       ('odd.example.net', '11001', '-')]
QUERIES = ["SELECT * FROM __InstanceModificationEvent WITHIN 60 WHERE TargetInstance ISA 'Win32_PerfFormattedData_PerfOS_System' AND TargetInstance.SystemUpTime >= 240",
           "SELECT * FROM Win32_ProcessStartTrace WHERE ProcessName = 'notepad.exe'"]
SCRIPTS = [' "CommandLineTemplate: C:\\\\Windows\\\\System32\\\\cmd.exe /c echo hello"',
           ' "Set sh = CreateObject(\\"WScript.Shell\\")\\nsh.Run \\"notepad.exe\\", 0\\n"']
ACCESS = ['0x1000', '0x1410', '0x1fffff', '0x40']
FUNCTIONS = [('C:\\Windows\\System32\\KERNEL32.DLL', 'LoadLibraryW'), ('-', '-'), ('C:\\Windows\\SYSTEM32\\ntdll.dll', '-')]
SIGNED = [('true', 'Valid'), ('true', 'Expired'), ('false', 'Unavailable'), ('failed: Invalid hash', 'Error')]
PORTS = [(443, 'https'), (3389, 'ms-wbt-server'), (53, 'domain'), (49815, '-'), (8080, '-'), (389, 'ldap')]
ADDRESSES = ['192.0.2.10', '198.51.100.23', '203.0.113.7', '2001:db8:0:0:0:0:0:17', 'fe80:0:0:0:1c2b:5f0a:9d3e:77a1%12']


class Chance:
    """splitmix64: the same numbers everywhere."""

    def __init__(self, seed):
        self.state = seed & (2**64 - 1)

    def bits(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return z ^ (z >> 31)

    def below(self, n):
        return self.bits() % n

    def pick(self, items):
        return items[self.below(len(items))]

    def hex(self, digits):
        return ''.join('%016x' % self.bits() for _ in range(digits // 16 + 1))[:digits]


def stamp(seconds, digits, separator):
    """2024-05-02 08:00:00 UTC and so many seconds; `seconds` in 100 ns."""
    whole, part = divmod(seconds, 10**7)
    day, second = divmod(8 * 3600 + whole, 86400)
    return '2024-05-%02d%s%02d:%02d:%02d.%s' % (
        2 + day, separator, second // 3600, second // 60 % 60, second % 60, ('%07d' % part)[:digits])


class Sample:
    def __init__(self, event, version, seed, record, ticks, variant=None):
        self.event, self.version, self.record, self.ticks = event, version, record, ticks
        self.variant = variant
        self.chance = Chance(seed)
        self.host = self.chance.pick(HOSTS)
        self.image = self.chance.pick(IMAGES)
        self.zero = self.image == '<unknown process>'
        self.publisher = self.chance.pick(PUBLISHERS)
        self.signed = self.next(SIGNED)
        self.query = self.next(DNS)
        self.start = self.chance.pick(FUNCTIONS)
        self.ports = [self.chance.pick(PORTS), self.chance.pick(PORTS)]
        six = self.chance.below(3) == 0
        self.ips = [self.chance.pick([a for a in ADDRESSES if (':' in a) == six]) for _ in range(2)]
        # A registry event says both what was done and to what.
        self.action = self.next(['DeleteValue', 'CreateKey', 'DeleteKey'])
        self.parent = self.chance.below(8) > 0

    def next(self, items):
        """The variants of one event show in turn what is left to chance elsewhere."""
        chosen = self.chance.pick(items)
        return chosen if self.variant is None else items[self.variant % len(items)]

    def guid(self):
        c = self.chance
        return '{%s-%s-%s-%s-%s}' % (c.hex(8), c.hex(4), c.hex(4), c.hex(4), c.hex(12))

    def process_guid(self):
        return '{00000000-0000-0000-0000-000000000000}' if self.zero else self.guid()

    def hashes(self):
        c = self.chance
        if self.event == 24 or c.below(4) == 0:
            return 'SHA1=%s,MD5=%s,SHA256=%s,IMPHASH=%s' % (c.hex(40).upper(), c.hex(32).upper(), c.hex(64).upper(), '0' * 32)
        if c.below(3) == 0:
            return 'SHA256=' + c.hex(64).upper()
        return 'SHA1=%s,MD5=%s,SHA256=%s,IMPHASH=%s' % (c.hex(40).upper(), c.hex(32).upper(), c.hex(64).upper(), c.hex(32).upper())

    def target_object(self):
        key = self.chance.pick(KEYS)
        if self.event == 13 or (self.event == 12 and self.action == 'DeleteValue'):
            return key + '\\' + self.chance.pick(VALUES)
        return key

    def value(self, name):
        c = self.chance
        earlier = self.ticks - c.below(30 * 10**7)
        simple = {
            'UtcTime': lambda: stamp(earlier, 3, ' '),
            'ProcessGuid': self.process_guid, 'SourceProcessGuid': self.guid, 'SourceProcessGUID': self.guid,
            'TargetProcessGuid': self.guid, 'TargetProcessGUID': self.guid, 'LogonGuid': self.guid,
            'ProcessId': lambda: str(4 + 4 * c.below(8000)), 'SourceProcessId': lambda: str(4 + 4 * c.below(8000)),
            'TargetProcessId': lambda: str(4 + 4 * c.below(8000)), 'SourceThreadId': lambda: str(4 + 4 * c.below(9000)),
            'NewThreadId': lambda: str(4 + 4 * c.below(9000)),
            'Image': lambda: self.image, 'SourceImage': lambda: c.pick(IMAGES[:6]), 'TargetImage': lambda: c.pick(IMAGES[:6]),
            'FileVersion': lambda: self.publisher[2], 'Product': lambda: self.publisher[1], 'Company': lambda: self.publisher[0],
            'OriginalFileName': lambda: '-' if self.publisher[0] in '-?' else c.pick(['svchost.exe', 'AGENT.EXE', 'core.dll']),
            'CommandLine': lambda: self.next(COMMANDS), 'CurrentDirectory': lambda: c.pick(['C:\\Windows\\system32\\', 'D:\\Daten\\']),
            'User': lambda: c.pick(USERS), 'SourceUser': lambda: c.pick(USERS), 'TargetUser': lambda: c.pick(USERS),
            'LogonId': lambda: c.pick(['0x3e7', '0x%x' % c.below(2**40)]), 'TerminalSessionId': lambda: str(c.below(4)),
            'IntegrityLevel': lambda: c.pick(['System', 'High', 'Medium', 'Low', 'AppContainer']),
            'Hashes': self.hashes, 'Hash': lambda: 'Unknown' if c.below(4) == 0 else self.hashes(),
            'ParentProcessGuid': lambda: self.guid() if self.parent else '{00000000-0000-0000-0000-000000000000}',
            'ParentProcessId': lambda: str(4 + 4 * c.below(8000)), 'ParentImage': lambda: c.pick(IMAGES[:6]) if self.parent else '-',
            'ParentCommandLine': lambda: c.pick(COMMANDS) if self.parent else '-', 'ParentUser': lambda: c.pick(USERS) if self.parent else '-',
            'CreationUtcTime': lambda: stamp(c.below(30 * 10**7), 3, ' '), 'PreviousCreationUtcTime': lambda: stamp(c.below(10**7), 3, ' '),
            'Protocol': lambda: c.pick(['tcp', 'tcp', 'udp']), 'Initiated': lambda: c.pick(['true', 'false']),
            'SourceIsIpv6': lambda: 'true' if ':' in self.ips[0] else 'false', 'DestinationIsIpv6': lambda: 'true' if ':' in self.ips[1] else 'false',
            'SourceIp': lambda: self.ips[0], 'DestinationIp': lambda: self.ips[1],
            'SourceHostname': lambda: c.pick([self.host, '-']), 'DestinationHostname': lambda: c.pick(['edge.example.net', 'dc01.corp.example', '-']),
            'SourcePort': lambda: str(self.ports[0][0]), 'SourcePortName': lambda: self.ports[0][1],
            'DestinationPort': lambda: str(self.ports[1][0]), 'DestinationPortName': lambda: self.ports[1][1],
            'State': lambda: c.pick(['Started', 'Stopped']), 'Version': lambda: '15.15' if self.version > 14 else '9.01',
            'SchemaVersion': lambda: '4.90' if self.version > 14 else '4.20',
            'ImageLoaded': lambda: c.pick(DRIVERS if self.event == 6 else LIBRARIES),
            'Signed': lambda: self.signed[0], 'Signature': lambda: '-' if self.signed[0] == 'false' else c.pick(PUBLISHERS[:2])[3],
            'SignatureStatus': lambda: self.signed[1],
            'StartAddress': lambda: '0x%016X' % (0x7FF800000000 + c.below(2**32)), 'StartModule': lambda: self.start[0], 'StartFunction': lambda: self.start[1],
            'Device': lambda: c.pick(['\\Device\\HarddiskVolume2', '\\Device\\Harddisk0\\DR0']),
            'GrantedAccess': lambda: c.pick(ACCESS), 'CallTrace': self.call_trace,
            'TargetObject': self.target_object, 'Details': lambda: self.next(DETAILS), 'NewName': lambda: c.pick(KEYS) + '\\Renamed',
            'Configuration': lambda: c.pick(['C:\\Tools\\sysmon-config.xml', 'sysmon.exe  -c C:\\Tools\\sysmon-config.xml']),
            'ConfigurationFileHash': lambda: 'SHA256=' + c.hex(64).upper(),
            'Contents': lambda: c.pick(['-', '[ZoneTransfer]  ZoneId=3  ReferrerUrl=https://downloads.example.com/  HostUrl=https://cdn.example.net/invoice.pdf.exe']),
            'PipeName': lambda: self.next(PIPES), 'Operation': lambda: c.pick(['Created', 'Modified', 'Deleted']),
            'EventNamespace': lambda: ' "root\\\\cimv2"', 'Name': lambda: ' "%s"' % c.pick(['Updater', 'BootWatch']), 'Query': lambda: ' "%s"' % c.pick(QUERIES),
            'Destination': lambda: self.next(SCRIPTS), 'Consumer': lambda: ' "CommandLineEventConsumer.Name=\\"Updater\\""', 'Filter': lambda: ' "__EventFilter.Name=\\"BootWatch\\""',
            'QueryName': lambda: self.query[0], 'QueryStatus': lambda: self.query[1], 'QueryResults': lambda: self.query[2],
            'IsExecutable': lambda: c.pick(['true', 'false']),
            'Archived': lambda: self.next(['true', 'false - shredded file with pattern 0x00000000', 'false', 'true']),
            'Session': lambda: str(1 + c.below(3)), 'ClientInfo': lambda: self.next(['user: CORP\\anna.berg', 'user: CORP\\anna.berg hostname: LT-7731', 'user: CORP\\anna.berg ip: 203.0.113.44 hostname: LT-7731']),
            'ID': lambda: c.pick(['GetConfigurationOptions', 'QUEUE', 'ImageLoad']),
        }
        if name == 'RuleName':
            return c.pick(RULES) if self.version >= 10 else ''
        if name == 'TargetFilename':
            return self.next(STREAMS if self.event == 15 else FILES)
        if name == 'EventType':
            return {12: self.action, 13: 'SetValue', 14: 'RenameKey', 17: 'CreatePipe', 18: 'ConnectPipe', 19: 'WmiFilterEvent',
                    20: 'WmiConsumerEvent', 21: 'WmiBindingEvent'}[self.event]
        if name == 'Type':
            return self.next(['Command Line', 'Script']) if self.event == 20 else self.next(['Image is replaced', 'Image is locked for access'])
        if name == 'Description':
            return 'Failed to open service configuration with error 19 - Last error: The media is write protected.' \
                if self.event == 255 else (self.publisher[1] if self.publisher[0] in '-?' else 'Host Process for Windows Services')
        return simple[name]()

    def call_trace(self):
        c = self.chance
        frames = ['C:\\Windows\\SYSTEM32\\ntdll.dll+%x' % c.below(2**20), 'C:\\Windows\\System32\\KERNELBASE.dll+%x' % c.below(2**18)]
        for _ in range(c.below(9)):
            frames.append('%s+%x' % (c.pick(LIBRARIES + IMAGES[:5]), c.below(2**22)))
        if c.below(4) == 0:
            frames.append('UNKNOWN(%016X)' % c.bits())
        return '|'.join(frames)

    def names(self):
        return [name for name in EVENTS[self.event][3].split()
                if self.version >= SINCE.get((self.event, name), SINCE.get(name, 0))]

    def message(self):
        data = [(name, self.value(name)) for name in self.names()]
        level = 2 if self.event == 255 else 4
        pid, tid = 2000 + 4 * self.chance.below(500), 3000 + 4 * self.chance.below(900)
        time = stamp(self.ticks, 7, 'T')
        system_time = time + ('00Z' if self.version < 12 else 'Z')  # older Windows write nine digits
        escaped = ''.join("<Data Name='%s'>%s</Data>" % (n, v.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')) for n, v in data)
        xml = ("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='%s'/>"
               "<EventID>%d</EventID><Version>%d</Version><Level>%d</Level><Task>%d</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords>"
               "<TimeCreated SystemTime='%s'/><EventRecordID>%d</EventRecordID><Correlation/><Execution ProcessID='%d' ThreadID='%d'/>"
               "<Channel>%s</Channel><Computer>%s</Computer><Security UserID='S-1-5-18'/></System><EventData>%s</EventData></Event>"
               % (GUID, self.event, EVENTS[self.event][0], level, self.event, system_time, self.record, pid, tid, CHANNEL, self.host, escaped))
        text = EVENTS[self.event][2] + ':' + ''.join('\r\n%s: %s' % item for item in data)
        return ('{"time":"%sZ","category":"WindowsEventLogsTable","level":"%s","properties":{"DeploymentId":"0f0e0d0c-1111-4222-8333-444455556666",'
                '"Role":"IaaS","RoleInstance":"_%s","ProviderGuid":"%s","ProviderName":"Microsoft-Windows-Sysmon","EventId":%d,"Level":%d,"Pid":%d,'
                '"Tid":%d,"Opcode":0,"Task":%d,"Channel":"%s","Description":%s,"RawXml":%s}}'
                % (time, 'Error' if level == 2 else 'Informational', self.host.split('.')[0], GUID, self.event, level, pid, tid, self.event,
                   CHANNEL, quote(text), quote(xml)))


def quote(text):
    """A JSON string as the agent writes it: everything but controls, quotes and backslashes as it is."""
    names = {'"': '\\"', '\\': '\\\\', '\r': '\\r', '\n': '\\n', '\t': '\\t'}
    return '"' + re.sub('["\\\\\x00-\x1f]', lambda m: names.get(m[0]) or '\\u%04x' % ord(m[0]), text) + '"'


def samples():
    """(file name, text): each event with each set of fields it has had, and variants of the newest."""
    for event, (_, first, _, _) in EVENTS.items():
        seen = []
        for version, name in VERSIONS:
            sample = Sample(event, version, event * 1000 + len(seen), 1000 + event * 10 + len(seen), event * 10**9 + 1234567, 0)
            if version < first or sample.names() in seen:
                continue
            seen.append(sample.names())
            yield 'sysmon/event-%03d-v%s.json' % (event, name), sample.message()
        for i in range(1, VARIANTS.get(event, 1)):
            sample = Sample(event, 15.15, event * 7000 + i, 5000 + event * 10 + i, event * 10**9 + i * 10**7 + 7654321, i)
            yield 'sysmon/event-%03d-v15.15-%d.json' % (event, i + 1), sample.message()


# How many samples of the newest form; one where nothing is said.
VARIANTS = {1: 8, 3: 5, 6: 3, 7: 4, 10: 2, 11: 3, 12: 3, 13: 7, 15: 3, 17: 2, 20: 2, 22: 9, 23: 4, 24: 3, 25: 2}

# Shares of a tuned configuration; every event that is not named has one.
SHARES = {1: 60, 3: 45, 5: 45, 7: 25, 10: 25, 11: 45, 12: 15, 13: 30, 22: 45, 17: 8, 18: 8, 23: 12, 26: 8, 2: 5, 8: 5, 9: 5, 15: 6}


def lines():
    order = [event for event in EVENTS for _ in range(SHARES.get(event, 4))]
    chance = Chance(4711)
    while len(order) < LINES:
        order.append(chance.pick(list(SHARES)))
    for i in range(len(order) - 1, 0, -1):
        j = chance.below(i + 1)
        order[i], order[j] = order[j], order[i]
    for i, event in enumerate(order):
        version = 15.15 if chance.below(5) else max(EVENTS[event][1], 13.1)
        yield Sample(event, version, 900000 + i, 100000 + i, 40 * 10**9 + i * 1317041).message()


def main():
    wanted = dict(samples())
    wanted['sysmon.jsonl'] = ''.join(line + '\n' for line in lines())
    check = sys.argv[1:] == ['--check']
    stale = []
    for name, text in wanted.items():
        path = os.path.join(HERE, name)
        try:
            with open(path, encoding='utf-8', newline='') as file:
                old = file.read()
        except FileNotFoundError:
            old = None
        if old != text:
            stale.append(name)
            if not check:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'w', encoding='utf-8', newline='') as file:
                    file.write(text)
    there = set('sysmon/' + name for name in os.listdir(os.path.join(HERE, 'sysmon')))
    for name in sorted(there - set(wanted)):
        stale.append(name)
        if not check:
            os.remove(os.path.join(HERE, name))
    if check and stale:
        print('not as generated: ' + ' '.join(stale))
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
