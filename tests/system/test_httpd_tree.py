# SPDX-License-Identifier: ISC
"""Apache's configuration as cli/apache_config takes it from Apache, held against what else Apache says about the files (P1)."""

import os
import re
import socket
import ssl
import subprocess

import pytest
from helpers.httpd import MAIN_FILES, Configuration
from helpers.responder import free_port
from helpers.stapleguard import build_directory


@pytest.fixture(params=sorted(MAIN_FILES))
def configuration(request, tmp_path):
    return Configuration(tmp_path / "etc", request.param)


def of(tmp_path, name):
    return Configuration(tmp_path / "etc", name)


def test_the_hosts_are_those_that_apache_lists(configuration):
    configuration.assert_syntax_is_ok()
    ours = sorted(
        ((vhost.name, None, None) if vhost.use_line else (vhost.name, str(vhost.path), vhost.line)
         for vhost in configuration.vhosts()), key=str)
    # Apache lists a host once for each of its addresses, and asks DNS for one that has an address and no name.
    assert set(ours) == set(configuration.dumped_vhosts())
    assert len(ours) >= 3


def test_the_certificates_are_those_that_apache_lists(configuration):
    ours = {os.path.normpath(path) for vhost in configuration.vhosts() if vhost.is_tls for path in vhost.certificates}
    # Apache's list also has those of hosts whose SSLEngine is optional.
    optional = {str(configuration.root / "ssl/optional.pem")} if configuration.root.name == "debian" else set()
    assert ours | optional == set(configuration.dumped_certificates())


def test_names_of_the_debian_tree(tmp_path):
    configuration = of(tmp_path, "debian")
    assert configuration.tls_names() == sorted([
        "main.example", "shop.example", "admin.shop.example", "implicit.shop.example", "windows.example", "bücher.example",
        "cafe.example", "odd.example", "customer.example"])
    by_name = {vhost.name: vhost for vhost in configuration.vhosts()}
    assert by_name["windows.example"].aliases == ["www.windows.example", "win.example"]
    assert not by_name["plain.example"].is_tls


def test_conditions_are_judged_as_apache_does(tmp_path):
    configuration = of(tmp_path, "conditions")
    assert configuration.tls_names() == [
        "defined.example", "directive.example", "event.example", "file.example", "inherited.example", "version.example"]


def test_a_macro_makes_hosts(tmp_path):
    configuration = of(tmp_path, "macros")
    assert configuration.tls_names() == ["first.example", "only.example", "second.example", "written.example"]
    by_name = {vhost.name: vhost for vhost in configuration.vhosts() if vhost.is_tls}
    assert by_name["first.example"].aliases == ["www.first.example"]
    assert by_name["only.example"].aliases == ["*.only.example"]
    assert by_name["first.example"].use_line > 0 and by_name["written.example"].use_line == 0
    assert by_name["second.example"].certificates == [configuration.root / "ssl/second.pem"]


def test_what_is_in_effect(tmp_path):
    configuration = of(tmp_path, "plain")
    rows = [row[3:] for row in configuration.rows() if row[0] == "line" and row[3].startswith("SSLStapling")]
    assert rows == [["SSLStaplingCache", "shmcb:logs/ssl_stapling(32768)"], ["SSLStaplingReturnResponderErrors", "on"]]


@pytest.mark.parametrize("text, place, words", [
    (b"<VirtualHost *:443>\nSSLEngine on\n", "line 1 of {path}", "was not closed"),
    (b"SSLEngine on\n</VirtualHost>\n", "line 2 of {path}", "without matching"),
    (b"<IfModule a>\n<VirtualHost *:443>\n</IfModule>\n", "line 1 of {path}", "Expected </VirtualHost>"),
    (b"<VirtualHost *:443>\n<VirtualHost *:444>\n</VirtualHost>\n</VirtualHost>\n", "line 2 of {path}", "cannot occur within"),
    (b"\nInclude nowhere.conf\n", "line 2 of {path}", "Could not open"),
    (b"Include loop.conf\n", "line 1 of {path}", "Syntax error"),
    (b"Use Nothing\n", "line 1 of {path}", "no macro defined"),
    (b"<Macro A $x>\nUse $x\n</Macro>\nUse A\n", "line 4 of {path}", "arguments"),
    (b"<Macro A>\nServerTokens OS\n</Macro>\nUndefMacro a\nUse A\n", "line 5 of {path}", "undefined"),
    (b"<Macro A>\nUse A\n</Macro>\nUse A\n", 'line 1 of macro \'a\' (defined on line 1 of "{path}")', "recursive use"),
    (b"< VirtualHost *:443>\n</VirtualHost>\n", "line 2 of {path}", "Expected </>"),
    (b"<Virtual+Host *:443>\n</Virtual+Host>\n", "line 1 of {path}", "Invalid command"),
    (b"\xef\xbb\xbf# a byte order mark\n", "line 1 of {path}", "Invalid command"),
    (b"<Macro Open>\n<VirtualHost *:443>\n</Macro>\nUse Open\n", 'macro \'open\' (defined on line 1 of "{path}")', "bad cumulated nesting"),
])
def test_what_apache_cannot_read_is_refused_in_its_words(tmp_path, text, place, words):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", "LoadModule macro_module /usr/lib/apache2/modules/mod_macro.so\nInclude loop.conf\n")
    path = configuration.write("loop.conf", text)
    error = configuration.error()
    assert place.format(path=path) in error and words in error, error


@pytest.mark.parametrize("text", [
    b"", b"# a comment alone", b"ServerTokens OS", b"# a comment \\\r\nthat goes on\r\n<IfModule ssl_module>\r\nServerTokens OS\r\n</IfModule>\r\n",
    b"ServerTokens \\\r\n  OS\r\n<IfModule x>\r\n</IfModule>", b"ServerTokens OS\n\f\nServerSignature off\v\n",
    b"ErrorDocument 404 \"not here\nServerAdmin it's\n", b"# caf\xe9\nServerAdmin caf\xe9@\xff\n<Directory \"/\xc3\xa4\">\n</Directory>\n",
    b"<Location \"/a>b\">\nOptions None\n</Location>\n", b"ServerAdmin a\0b\n", b"<Macro Open>\n<VirtualHost *:443>\n</Macro>\n",
])
def test_all_that_apache_takes_can_stand_beside(tmp_path, text):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", "LoadModule macro_module /usr/lib/apache2/modules/mod_macro.so\nInclude beside.conf\n")
    configuration.write("beside.conf", text + b"\n<VirtualHost *:443>\nServerName beside.example\nSSLEngine on\n</VirtualHost>" if text
                        else text)
    before = configuration.snapshot()
    for name in ("beside.example", "defined.example") if text else ("defined.example",):
        configuration.enable(name)
        assert configuration.stapling() == [name]
        configuration.disable(name)
        assert configuration.snapshot() == before


def test_a_file_that_two_names_lead_to_is_one_file(tmp_path):
    configuration = of(tmp_path, "debian")
    os.symlink("../../outside/customer.conf", configuration.root / "sites-enabled/zz-again.conf")
    customers = [vhost for vhost in configuration.vhosts() if vhost.name == "customer.example"]
    assert [str(vhost.path) for vhost in customers] == [str(configuration.directory / "outside/customer.conf")] * 2
    assert len([row for row in configuration.rows() if row[0] == "file" and "customer" in row[1]]) == 1


def test_include_reads_directories_and_wildcards_in_them(tmp_path):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", "Include dirs\nIncludeOptional none/*/x.conf\nInclude w?ld/[ab]*/v*.conf\n"
                         "Include hidden/*\n")
    host = "<VirtualHost *:443>\nServerName {}.example\n</VirtualHost>\n"
    for name in ("dirs/b/two", "dirs/a.conf", "wild/a1/v.conf", "wild/b/v2.conf", "wild/c/v.conf", "wild/a1/w.conf",
                 "hidden/.a.conf", "hidden/b.conf"):
        configuration.write(name, host.format(name.replace("/", "-")))
    configuration.assert_syntax_is_ok()
    # Apache's list has the order in which it looks hosts up; what counts is which there are.
    ours = [(vhost.name, str(vhost.path), vhost.line) for vhost in configuration.vhosts()]
    assert set(ours) == set(configuration.dumped_vhosts())
    assert [name for name, _, _ in ours][-5:] == [
        "dirs-a.conf.example", "dirs-b-two.example", "wild-a1-v.conf.example", "wild-b-v2.conf.example",
        "hidden-b.conf.example"]


def assert_same_hosts(configuration, *names):
    """The hosts are those of Apache's list, and names are among them."""
    configuration.assert_syntax_is_ok()
    ours = {vhost.name for vhost in configuration.vhosts()}
    assert ours == {name for name, _, _ in configuration.dumped_vhosts()}
    assert set(names) <= ours


def test_server_root_moves_what_is_relative(tmp_path):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", f"ServerRoot {configuration.root}/sub/\nInclude moved.conf\n")
    (configuration.root / "sub").mkdir()
    os.symlink("../ssl", configuration.root / "sub/ssl")
    configuration.write("sub/moved.conf", "<VirtualHost *:443>\nServerName moved.example\n</VirtualHost>\n")
    assert_same_hosts(configuration, "moved.example")
    before = configuration.snapshot()
    configuration.write("sub/conf-available/x.conf", "")
    configuration.write("sub/conf-enabled/x.conf", "")
    configuration.append("httpd.conf", f"Include {configuration.root}/sub/conf-enabled/*.conf\n")
    assert str(configuration.root / "sub/conf-available/stapleguard.conf") in configuration.enable("all").paths()
    assert configuration.stapling() == configuration.tls_names()
    configuration.disable()
    assert set(before) < set(configuration.snapshot())


def test_a_file_that_a_macro_includes_is_not_the_macros_text(tmp_path):
    configuration = of(tmp_path, "macros")
    configuration.append("httpd.conf", "<Macro Read $file>\nInclude $file.conf\n</Macro>\nUse Read read\n")
    configuration.write("read.conf", "<VirtualHost *:443>\nServerName $file.example\n</VirtualHost>\n")
    assert_same_hosts(configuration, "$file.example")


def test_a_macro_in_a_macro_gets_its_own_arguments(tmp_path):
    configuration = of(tmp_path, "macros")
    configuration.append("httpd.conf", "<Macro Inner $n $long>\n<VirtualHost *:443>\nServerName $n-$long.example\n</VirtualHost>\n"
                         "</Macro>\n<Macro Outer $n>\nUse Inner x$n $n$n\n</Macro>\nUse Outer o\n")
    assert_same_hosts(configuration, "xo-oo.example")


def test_a_variable_becomes_words_as_apache_cuts_them(tmp_path):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", "Define GONE gone\nUnDefine GONE\nDefine NAMES \"one.example two.example\"\n<VirtualHost *:443>\nServerName v.example\n"
                         "ServerAlias ${NAMES} ${GONE} ${APACHE_RUN_USER}.example\n</VirtualHost>\n")
    (aliases,) = [row[4:] for row in configuration.rows() if row[:1] == ["line"] and row[3] == "ServerAlias"]
    assert aliases == ["one.example", "two.example", "${GONE}", "www-data.example"]
    dumped = configuration.apache("-t", "-D", "DUMP_VHOSTS").stdout.decode()
    assert re.findall(r"alias (\S+)", dumped) == aliases
    assert_same_hosts(configuration, "v.example")


def test_hundreds_of_hosts_in_a_file(tmp_path):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", "Include many.conf\n")
    configuration.write("many.conf", "".join(
        f"<VirtualHost *:443>\n ServerName h{i}.example\n ServerAlias *.h{i}.example\n</VirtualHost>\n" for i in range(700)))
    assert len(configuration.vhosts()) == 707
    edit = configuration.enable("h5.example", "www.h699.example")
    assert len(edit.changes) == 3
    assert configuration.stapling() == ["h5.example", "h699.example"]


# (directives of the host, what the Listen line says, the host's address); CERTIFICATE stands for a certificate and its key
ENGINES = [
    ("CERTIFICATE\nSSLEngine on", "http", "127.0.0.1"),
    ("CERTIFICATE\nSSLEngine off", "https", "127.0.0.1"),
    ("CERTIFICATE\nSSLEngine optional", "https", "127.0.0.1"),
    ("CERTIFICATE", "https", "127.0.0.1"),
    ("CERTIFICATE", "http", "127.0.0.1"),
    ("CERTIFICATE", "https", "*"),
    ("CERTIFICATE\nProtocol https", "http", "127.0.0.1"),
    ("CERTIFICATE\nProtocol http", "https", "127.0.0.1"),
    ("", "https", "127.0.0.1"),
]


def speaks_tls(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            with context.wrap_socket(connection, server_hostname="shop.test"):
                return True
    except ssl.SSLError:
        return False


def test_apache_speaks_tls_just_where_we_say(site):
    """The one thing that no dump of Apache's tells."""
    site.leaf("shop.test")
    ports = [free_port() for _ in ENGINES]
    certificate = f"SSLCertificateFile {site.pem('shop.test')}\nSSLCertificateKeyFile {site.key('shop.test')}"
    extra = "".join(
        f"Listen 127.0.0.1:{port} {protocol}\n<VirtualHost {address}:{port}>\nServerName host{port}.test\n"
        f"{directives.replace('CERTIFICATE', certificate)}\n</VirtualHost>\n"
        for port, (directives, protocol, address) in zip(ports, ENGINES))
    site.start_apache("shop.test", extra=extra)
    rows = [line.split("\t") for line in subprocess.run(
        [build_directory() / "tests/helpers/httpd_edits", site.apache.control, "tree"],
        capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()]
    ours = {row[5]: row[3] == "tls" for row in rows if row[0] == "vhost"}
    assert ours.pop("shop.test")
    assert ours == {f"host{port}.test": speaks_tls(port) for port in ports}
    assert set(ours.values()) == {True, False}
