#!/usr/bin/env python3
"""How long the console's pages take where there are many spaces.

    bench/pages.py PROGRAM [SPACES] [PROGRAM …]

Fills an installation of its own (spaces in trees of a hundred; 200 resources and 30 members in one of them), asks each
page fifty times over one connection as somebody who sees all spaces, and prints medians as a table; sizes as a
proxy compresses them (gzip). With
several programs they are asked in turns, page by page, so that the machine's mood is the same for both.
"""

import gzip
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 50


class Server:
    def __init__(self, program, port, spaces):
        self.dir = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.dir.name, "log"), "w+")
        self.process = subprocess.Popen(
            [program, "serve", "--data", os.path.join(self.dir.name, "data"), "--listen", f"127.0.0.1:{port}"],
            stdout=self.log, stderr=self.log)
        self.port, self.cookie, self.token = port, None, None
        for _ in range(200):
            time.sleep(0.1)
            try:
                self.connect()
                if self.call("GET", "/readyz")[0] == 200:
                    break
            except OSError:
                pass
        self.fill(spaces)

    def connect(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, method, path, body=None):
        headers = {"content-type": "application/json"} if body is not None else {}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, (json.loads(text) if text[:1] in (b"{", b"[") else text)

    def made(self, path, body):
        status, answer = self.call("POST", "/api/v1" + path, body)
        assert status in (200, 201, 202), (path, status, answer)
        return answer

    def fill(self, spaces):
        token = open(os.path.join(self.dir.name, "data", "setup-token")).read().strip()
        self.made("/setup", {"token": token, "username": "ada", "password": "correct horse battery staple"})
        self.token = self.made("/login", {"username": "ada", "password": "correct horse battery staple"})["token"]
        self.made("/kinds", {"name": "task", "prefix": "T", "schema": {"type": "object", "properties": {
            "text": {"type": "string"}, "next": {"type": "string"}}},
            "references": [{"pointer": "/next", "kind": "task"}]})
        first = None
        for tree in range(max(1, spaces // 100)):
            root = self.made("/spaces", {"name": f"Tree {tree:03}"})["id"]
            first, self.other = first or root, root
            under = [root]
            for number in range(99):
                under.append(self.made("/spaces", {"name": f"Place {tree:03}-{number:02}", "parent": under[number // 4]})["id"])
        self.space = first
        batch = [{"kind": "task", "space": first, "name": f"Task {n}", "body": {"text": "something"}} for n in range(200)]
        made = self.made("/resources/batch", {"resources": batch})["items"]
        self.resource = self.made("/resources", {"kind": "task", "space": first, "name": "The one that is looked at",
                                                 "body": {"next": made[0]["id"]}})
        for number in range(30):
            user = self.made("/users", {"username": f"user{number:02}"})
            self.made(f"/registry/spaces/{first}/grants", {"principal": f"user:{user['id']}", "role": "reader"})
        self.sign_in()

    def sign_in(self):
        self.connect()
        form = "username=ada&password=correct+horse+battery+staple"
        self.connection.request("POST", "/sign-in", form, {
            "content-type": "application/x-www-form-urlencoded", "origin": f"http://127.0.0.1:{self.port}"})
        answer = self.connection.getresponse()
        answer.read()
        cookies = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
        assert cookies, (answer.status, "no cookie")
        self.cookie = "; ".join(cookies)

    def pages(self):
        at, code = f"/s/{self.space}", self.resource["code"]
        return {
            "home": at, "list of 200": f"{at}/resources?kind=task", "resource": f"{at}/resources/{code}",
            "edit": f"{at}/resources/{code}/edit", "members": f"{at}/members", "keys": f"{at}/keys",
            "quotas": f"{at}/quotas", "audit": f"{at}/audit", "settings": f"{at}/settings",
            "move a space": f"{at}/settings/move?parent={self.other}", "spaces": "/spaces", "spaces, search": "/spaces?q=place+042",
            "tree": "/tree", "tree of a root": f"/tree?root={self.space}", "tree, search": "/tree?q=place+042",
            "account": "/account", "users": "/system/users", "kinds": "/system/kinds",
            "registry": "/system/registry", "health": "/system/health",
        }

    def page(self, path):
        began = time.perf_counter()
        self.connection.request("GET", path, headers={"cookie": self.cookie})
        answer = self.connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - began) * 1000
        return answer.status, took, len(gzip.compress(text, 6))


def main():
    programs = [one for one in sys.argv[1:] if not one.isdigit()]
    spaces = next((int(one) for one in sys.argv[1:] if one.isdigit()), 10_000)
    servers = [Server(program, 7480 + n, spaces) for n, program in enumerate(programs)]
    try:
        print("| Page | " + " | ".join(f"{p}: median, p95 | size" for p in programs) + " |")
        for name in servers[0].pages():
            row = [name]
            times = [[] for _ in servers]
            sizes = [0] * len(servers)
            bad = [""] * len(servers)
            for _ in range(ROUNDS):
                for n, server in enumerate(servers):
                    status, took, size = server.page(server.pages()[name])
                    times[n].append(took)
                    sizes[n] = size
                    bad[n] = "" if status == 200 else f" ({status})"
            for n in range(len(servers)):
                ordered = sorted(times[n])
                row += [f"{statistics.median(ordered):.1f} ms, {ordered[int(len(ordered) * 0.95)]:.1f} ms{bad[n]}",
                        f"{sizes[n] / 1000:.1f} KB"]
            print("| " + " | ".join(row) + " |")
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()
            server.dir.cleanup()


main()
