# SPDX-License-Identifier: Apache-2.0
"""Metrics and statistics for scenarios: a strict reader of Prometheus' text format 0.0.4 and of OpenMetrics 1.0, that
of the CSV and of answers of the admin socket. Whatever a format does not allow is an AssertionError that names it."""
import csv
import http.client
import io
import re
import socket

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf'({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (NaN|[+-]?Inf|[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)')
SUFFIXES = {'histogram': ('_bucket', '_sum', '_count'), 'summary': ('', '_sum', '_count')}


class Metrics(dict):
    """Series ('name{labels}') and their values; .types has the type of each family."""

    def __init__(self, text, is_open=False):
        super().__init__()
        self.types, self.order, self.is_open = {}, [], is_open
        helped, current = set(), None
        assert text.endswith('\n'), 'the last line does not end'
        lines = text[:-1].split('\n')
        if is_open:
            assert lines.pop() == '# EOF', 'no # EOF at the end'
        for line in lines:
            if line.startswith('# HELP '):
                name = line.split(' ', 3)[2]
                assert name not in helped, line
                helped.add(name)
            elif line.startswith('# TYPE '):
                _, _, name, kind = line.split(' ')
                assert re.fullmatch(NAME, name) and name not in self.types, line
                assert kind in ('counter', 'gauge', 'histogram', 'summary'), line
                assert not (is_open and kind == 'counter' and name.endswith('_total')), line
                self.types[name], current = kind, name
            else:
                self.sample(line, current)
        for name, kind in self.types.items():
            if kind == 'histogram':
                self.check_histogram(name)

    def sample(self, line, family):
        m = SAMPLE.fullmatch(line)
        assert m and family, f'no sample: {line!r}'
        name, labels, value = m.groups()
        kind = self.types[family]
        allowed = SUFFIXES.get(kind, ('_total',) if kind == 'counter' and self.is_open else ('',))
        assert name in [family + suffix for suffix in allowed], f'{name} within {family}'
        keys = re.findall(r'(\w+)="', labels or '')
        assert len(keys) == len(set(keys)), line
        key = name + ('{' + labels + '}' if labels else '')
        assert key not in self, f'twice: {key}'
        number = float(value)
        assert kind != 'counter' or number >= 0 or (number != number and not self.is_open), line
        self[key] = number

    def check_histogram(self, name):
        groups = {}
        for key, value in self.items():
            m = re.fullmatch(rf'{name}_bucket\{{(.*?),?le="([^"]*)"\}}', key)
            if m:
                assert m[2] == '+Inf' or not self.is_open or '.' in m[2], key
                groups.setdefault(m[1], []).append((float(m[2].replace('+Inf', 'inf')), value))
        for labels, buckets in groups.items():
            assert buckets == sorted(buckets) and buckets[-1][0] == float('inf'), (name, labels)
            counts = [count for _, count in buckets]
            assert counts == sorted(counts), (name, labels)
            tail = '{' + labels + '}' if labels else ''
            assert self[f'{name}_count{tail}'] == counts[-1] and self[f'{name}_sum{tail}'] >= 0, (name, labels)


def get(port, path='/', method='GET', host='127.0.0.1', **headers):
    """One request on a connection of its own: status, headers and text of the answer."""
    conn = http.client.HTTPConnection(host, int(port), timeout=10)
    conn.request(method, path, headers={name.replace('_', '-'): value for name, value in headers.items()})
    answer = conn.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def scrape(port, path, **headers):
    status, fields, text = get(port, path, **headers)
    assert status == 200, (status, text)
    return Metrics(text, fields['content-type'].startswith('application/openmetrics-text'))


def ask(path, command):
    """What the admin socket answers to one command."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(path)
    sock.sendall(command.encode() + b'\n')
    return sock.makefile('rb').read().decode()


def stat(path, command='show stat'):
    """Rows of the CSV by proxy and name, each a dict of columns."""
    rows = list(csv.reader(io.StringIO(ask(path, command).lstrip('# '))))
    assert all(len(row) == len(rows[0]) for row in rows if row), 'lines of several lengths'
    return {(row[0], row[1]): dict(zip(rows[0], row)) for row in rows[1:] if row}
