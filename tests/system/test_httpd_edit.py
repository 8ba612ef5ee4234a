# SPDX-License-Identifier: ISC
"""What enable and disable would change in Apache's configuration: on each tree, Apache takes the result, and disable leads
back to the same bytes (P1, P3, P4, P20)."""

import os

import pytest
from helpers.httpd import MAIN_FILES, Configuration, apply_change


@pytest.fixture(params=sorted(MAIN_FILES))
def configuration(request, tmp_path):
    return Configuration(tmp_path / "etc", request.param)


def of(tmp_path, name):
    return Configuration(tmp_path / "etc", name)


def line_of(configuration, setting):
    return [row[4:] for row in configuration.rows() if row[0] == "line" and row[3] == setting]


# --all

def test_all_and_back(configuration):
    before = configuration.snapshot()
    off = sorted(vhost.name for vhost in configuration.vhosts() if vhost.name in (
        "admin.shop.example", "three.example", "four.example"))
    edit = configuration.enable("all")
    assert edit.changes and not edit.is_enabled and edit.untried == ""
    assert configuration.stapling() == sorted(set(configuration.tls_names()) - set(off))
    assert sorted(f[3].split(": ")[1].split()[0] for f in edit.findings if f[0] == "vhost-off") == off
    assert line_of(configuration, "SSLStaplingCache") == [[f"dbm:{configuration.dbm}"]]
    assert line_of(configuration, "SSLStaplingReturnResponderErrors")[-1] == ["off"]
    assert line_of(configuration, "SSLStaplingFakeTryLater")[-1] == ["off"]
    assert line_of(configuration, "Mutex")[-1] == [f"flock:{configuration.lock_dir}", "ssl-stapling"]
    again = configuration.enable("all")
    assert again.changes == [] and again.is_enabled
    assert configuration.disable().changes
    assert configuration.snapshot() == before
    assert configuration.disable().changes == []


def test_each_name_and_back(configuration):
    before = configuration.snapshot()
    for name in configuration.tls_names():
        if configuration.root.name == "macros" and name in ("first.example", "second.example"):
            continue
        if name == "main.example" or not name.isascii():
            continue
        configuration.enable(name)
        assert configuration.stapling() == [name]
        assert configuration.enable(name).changes == []
        configuration.disable(name)
        assert configuration.snapshot() == before


def test_all_names_one_after_the_other_and_back(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    names = [name for name in configuration.tls_names() if name.isascii()]
    for count, name in enumerate(names):
        configuration.enable(name)
        assert configuration.stapling() == sorted(names[:count + 1])
    for count, name in enumerate(names):
        configuration.disable(name)
        assert configuration.stapling() == sorted(names[count + 1:])
    assert configuration.snapshot() == before


# where the own file goes

def test_debian_gets_a_file_as_a2enconf_makes_it(tmp_path):
    configuration = of(tmp_path, "debian")
    edit = configuration.enable("all")
    own = configuration.root / "conf-available/stapleguard.conf"
    link = configuration.root / "conf-enabled/stapleguard.conf"
    assert edit.paths() == [str(own), str(link)]
    assert os.readlink(link) == "../conf-available/stapleguard.conf"
    text = own.read_text()
    assert "stapleguard disable" in text and "SSLUseStapling on" in text
    assert "SSLUseStapling" not in next(c for c in of(tmp_path / "2", "debian").edit("enable", "shop.example").changes
                                        if c.kind == "create").content.decode()


def test_conf_d_is_used_where_it_is_read(tmp_path):
    configuration = of(tmp_path, "confd")
    edit = configuration.enable("all")
    assert edit.paths() == [
        str(configuration.root / "conf.d/stapleguard.conf"), str(configuration.root / "conf.d/zz-site.conf")]
    # A cache, and a setting that is read after ours: both are put aside.
    site = (configuration.root / "conf.d/zz-site.conf").read_text()
    assert "\n#stapleguard-was#SSLStaplingFakeTryLater on\n" in site
    assert {"other-cache", "other-setting"} <= set(edit.words())


def test_elsewhere_the_main_file_gets_a_line(tmp_path):
    configuration = of(tmp_path, "macros")
    edit = configuration.enable("all")
    assert edit.paths() == [str(configuration.root / "httpd.conf"), str(configuration.root / "stapleguard.conf")]
    assert (configuration.root / "httpd.conf").read_text().endswith(f'\nInclude "{configuration.root}/stapleguard.conf"\n')
    assert [change.kind for change in edit.changes] == ["create", "replace"]
    assert [change.kind for change in configuration.disable().changes] == ["replace", "remove"]


def test_a_directory_that_is_not_read_at_server_level_is_no_place(tmp_path):
    configuration = of(tmp_path, "macros")
    configuration.write("conf.d/note.conf", "# nothing\n")
    configuration.append("httpd.conf", "<Directory /srv>\nIncludeOptional conf.d/*.conf\n</Directory>\n"
                         "<VirtualHost *:444>\nInclude conf.d/*.conf\n</VirtualHost>\nIncludeOptional c*.conf\n")
    assert str(configuration.root / "stapleguard.conf") in configuration.enable("all").paths()
    assert configuration.stapling() == configuration.tls_names()


@pytest.mark.parametrize("end", ["", "\n", "# the end", "<IfModule ssl_module>\n</IfModule>",
                                 "<VirtualHost *:445>\n</VirtualHost>", "\r\n# \\\r\n the end"])
def test_a_main_file_keeps_its_end(tmp_path, end):
    configuration = of(tmp_path, "macros")
    configuration.append("httpd.conf", end)
    before = configuration.snapshot()
    configuration.enable("all")
    assert configuration.stapling() == configuration.tls_names()
    configuration.disable()
    assert configuration.snapshot() == before


# where Apache cannot read the result beforehand

WITHOUT_NAMESPACES = ("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")


def without_namespaces(configuration, verb, *names):
    edit = configuration.edit(verb, *names, wrapper=WITHOUT_NAMESPACES)
    assert edit.result == "ok" and edit.untried == "Operation not permitted"
    for change in edit.changes:
        apply_change(change)
    configuration.assert_syntax_is_ok()
    return edit


def test_untried_the_own_file_goes_where_apache_is_sure_to_read_it(configuration):
    before = configuration.snapshot()
    without_namespaces(configuration, "enable", "all")
    main = configuration.root / configuration.main
    assert (main.parent / "stapleguard.conf").exists()
    assert line_of(configuration, "SSLStaplingCache") == [[f"dbm:{configuration.dbm}"]]
    assert line_of(configuration, "Mutex")[-1] == [f"flock:{configuration.lock_dir}", "ssl-stapling"]
    assert set(configuration.tls_names()) - set(configuration.stapling()) <= {"admin.shop.example", "three.example", "four.example"}
    assert configuration.enable("all").changes == []  # where it is, it stays
    without_namespaces(configuration, "disable", "all")
    assert configuration.snapshot() == before


def test_untried_an_own_file_that_is_there_stays_where_it_is(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.enable("all")
    configuration.dbm = configuration.directory / "moved.db"
    edit = without_namespaces(configuration, "enable", "all")
    assert edit.paths() == [str(configuration.root / "conf-available/stapleguard.conf")]


def test_what_is_mounted_below_a_directory_of_ours_is_not_hidden_from_apache(tmp_path):
    configuration = of(tmp_path, "debian")
    (configuration.root / "conf-available/mounted").mkdir()
    script = f'mount --bind /tmp "{configuration.root}/conf-available/mounted" && exec "$@"'
    edit = configuration.edit("enable", "all", wrapper=("unshare", "-m", "sh", "-c", script, "sh"))
    assert (edit.result, edit.untried) == ("ok", "Device or resource busy")


# what stands in the way

def test_no_tls_host_is_an_error_and_changes_nothing(tmp_path):
    configuration = of(tmp_path, "conditions")
    text = (configuration.root / "httpd.conf").read_text().replace("SSLEngine on\n", "SSLEngine off\n")
    configuration.write("httpd.conf", text)
    for arguments in (["all"], ["inherited.example"]):
        edit = configuration.edit("enable", *arguments)
        assert (edit.result, edit.changes) == ("no-tls-vhost", [])
        assert "SSLEngine" in edit.error


def test_names_without_a_host_are_all_named(tmp_path):
    configuration = of(tmp_path, "debian")
    edit = configuration.edit("enable", "shop.example", "no.example", "plain.example", "old.shop.example", "unused.example")
    assert (edit.result, edit.changes) == ("no-such-vhost", [])
    assert "no.example, plain.example, old.shop.example, unused.example;" in edit.error
    assert " shop.example" not in edit.error
    for name in ("https://shop.example", "*.shop.example", "", "a b", "shop.example:443"):
        assert configuration.edit("enable", name).result == "no-such-vhost"


@pytest.mark.parametrize("asked, found", [
    ("SHOP.Example.", "shop.example"), ("www.shop.example", "shop.example"), ("a.b.img.shop.example", "shop.example"),
    ("cdn7.shop.example", "shop.example"), ("odd.example", "odd.example"), ("win.example", "windows.example"),
    ("xn--bcher-kva.example", "bücher.example")])
def test_names_are_found_as_apache_finds_them(tmp_path, asked, found):
    configuration = of(tmp_path, "debian")
    configuration.enable(asked)
    assert configuration.stapling() == [found]


def test_a_host_alone_at_its_address_serves_names_that_nobody_wrote_down(tmp_path):
    configuration = of(tmp_path, "confd")
    before = configuration.snapshot()
    # Two TLS hosts: the nameless one is meant, not the one that has another name.
    configuration.enable("any.example")
    assert configuration.stapling() == ["confd.example"]
    configuration.disable()
    assert configuration.snapshot() == before
    second = configuration.write("conf.d/tt.conf", "<VirtualHost 192.0.2.3:443>\nSSLEngine on\n</VirtualHost>\n")
    assert configuration.edit("enable", "any.example").result == "no-such-vhost"  # only DNS could tell
    second.write_text("<VirtualHost *:443>\nServerName plain.example\n</VirtualHost>\n")
    assert configuration.edit("enable", "any.example").result == "no-such-vhost"  # not alone any more
    second.unlink()
    configuration.write("conf.d/ssl.conf", "Listen 443\n")
    configuration.enable("any.example")  # the only TLS host there is
    assert configuration.stapling() == ["address.example"]


def test_a_macro_that_makes_a_host_that_was_not_named(tmp_path):
    configuration = of(tmp_path, "macros")
    before = configuration.snapshot()
    edit = configuration.edit("enable", "first.example")
    assert (edit.result, edit.changes) == ("blocked", [])
    assert "second.example" in edit.error and "macro-shared" in edit.words()
    configuration.enable("first.example", "www.second.example", "a.only.example")
    assert configuration.stapling() == ["first.example", "only.example", "second.example"]
    edit = configuration.edit("disable", "first.example")
    assert (edit.result, edit.changes) == ("blocked", [])
    configuration.disable("only.example")
    assert configuration.stapling() == ["first.example", "second.example"]
    configuration.disable("second.example", "first.example")
    assert configuration.snapshot() == before


def test_macros_that_are_used_in_another_order_than_they_stand(tmp_path):
    configuration = of(tmp_path, "macros")
    configuration.append("httpd.conf", "".join(
        f"<Macro {name} $n>\n<VirtualHost *:443>\nServerName $n.{name}.example\nUse TLS $n\n</VirtualHost>\n</Macro>\n"
        for name in ("A", "B")) + "Use B one\nUse B two\nUse A one\n")
    configuration.make_certificates()
    configuration.enable("written.example")
    before = configuration.snapshot()
    configuration.enable("one.a.example", "one.b.example", "two.b.example")
    assert configuration.stapling() == ["one.A.example", "one.B.example", "two.B.example", "written.example"]
    configuration.disable("one.a.example", "one.b.example", "two.b.example")
    assert configuration.snapshot() == before


def test_a_pipe_beside_the_sites_does_not_matter(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.enable("all")
    os.mkfifo(configuration.root / "sites-available/pipe")
    (configuration.root / "sites-available/broken").symlink_to("nowhere")
    configuration.disable()
    assert configuration.stapling() == []


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_touched(tmp_path):
    configuration = of(tmp_path, "debian")
    path = configuration.write("sites-enabled/zz.conf", "<VirtualHost *:443>\nServerName zz.example\n")
    error = configuration.error()
    assert f"Syntax error on line 1 of {path}: " in error and "<VirtualHost> was not closed" in error


@pytest.mark.parametrize("name, target", [
    ("conf-enabled/stapleguard.conf", "../conf-available/security.conf"), ("conf-available/stapleguard.conf", "../ports.conf"),
    ("conf-enabled/stapleguard.conf", None)])
def test_a_stranger_with_our_name_is_not_touched(tmp_path, name, target):
    configuration = of(tmp_path, "debian")
    if target is None:
        configuration.write(name, "# a file where a link belongs\n")
    else:
        os.symlink(target, configuration.root / name)
    edit = configuration.edit("enable", "all")
    assert (edit.result, edit.changes) == ("failed", [])
    assert edit.error.startswith(f"{configuration.root}/{name}: ") and "move it away" in edit.error


# what was there before

def test_a_line_that_a_host_had_stays_and_counts_again(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    configuration.enable("admin.shop.example")
    text = (configuration.root / "sites-available/shop.conf").read_text()
    assert text.index("SSLUseStapling off\n    SSLCertificateFile ssl/admin.pem") < text.index("SSLUseStapling on")
    configuration.disable()
    assert configuration.snapshot() == before


def test_a_setting_from_a_shared_file_is_overruled_for_one_host(tmp_path):
    configuration = of(tmp_path, "plain")
    before = configuration.snapshot()
    edit = configuration.enable("three.example")
    assert "shared-line" in edit.words()
    assert configuration.stapling() == ["three.example"]
    configuration.disable()
    assert configuration.snapshot() == before


@pytest.mark.parametrize("is_read", [True, False])
def test_a_file_of_our_name_that_was_there_comes_back(tmp_path, is_read):
    configuration = of(tmp_path, "debian")
    own = configuration.write("conf-available/stapleguard.conf", b"# by hand\r\nSSLUseStapling on\r\nSSLStaplingCache \\\n shmcb:x")
    if is_read:
        os.symlink("../conf-available/stapleguard.conf", configuration.root / "conf-enabled/stapleguard.conf")
    before = configuration.snapshot()
    configuration.enable("all")
    assert b"#stapleguard-was#SSLUseStapling on\r\n" in own.read_bytes()
    assert configuration.enable("all").changes == []
    configuration.enable("shop.example")
    configuration.disable()
    assert configuration.snapshot() == before


def test_what_the_administrator_wrote_by_hand_is_enough(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.write("conf-enabled/hand.conf", f"SSLUseStapling on\nSSLStaplingCache dbm:{configuration.dbm}\n"
                        "SSLStaplingReturnResponderErrors off\nSSLStaplingFakeTryLater off\n"
                        f"Mutex flock:{configuration.lock_dir} ssl-stapling\n")
    edit = configuration.edit("enable", "all")
    assert (edit.result, edit.changes) == ("ok", [])


def test_another_path_is_written_at_the_next_enable(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    configuration.enable("all")
    configuration.dbm = configuration.directory / "other \"place\".db"
    assert [change.kind for change in configuration.enable("all").changes] == ["replace"]
    assert line_of(configuration, "SSLStaplingCache") == [[f"dbm:{configuration.dbm}"]]
    configuration.disable()
    assert configuration.snapshot() == before


def test_a_cache_that_somebody_added_since_is_put_aside(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.enable("all")
    configuration.append("mods-available/ssl.conf", "SSLStaplingCache shmcb:/tmp/x(64000)\n")  # read before ours
    assert configuration.enable("all").paths() == [str(configuration.root / "mods-available/ssl.conf")]
    assert line_of(configuration, "SSLStaplingCache") == [[f"dbm:{configuration.dbm}"]]
    configuration.disable()
    assert line_of(configuration, "SSLStaplingCache") == [["shmcb:/tmp/x(64000)"]]


def test_domain_after_all_keeps_all(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    configuration.enable("all")
    assert configuration.enable("shop.example").changes == []
    configuration.dbm = configuration.directory / "moved.db"
    configuration.enable("admin.shop.example")
    assert configuration.stapling() == configuration.tls_names()
    assert line_of(configuration, "SSLStaplingCache") == [[f"dbm:{configuration.dbm}"]]
    edit = configuration.edit("disable", "shop.example")
    assert (edit.result, edit.changes) == ("blocked", [])
    configuration.disable()
    assert configuration.snapshot() == before


def test_all_after_domain(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    configuration.enable("shop.example")
    configuration.enable("all")
    assert len(configuration.stapling()) == len(configuration.tls_names()) - 1
    configuration.disable()
    assert configuration.snapshot() == before


# when somebody edited in between

def edited(configuration, name, old, new):
    path = configuration.root / name
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new))


def test_edits_around_our_lines_survive(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    shop = configuration.root / "sites-available/shop.conf"
    configuration.enable("shop.example", "windows.example")
    edited(configuration, "sites-available/shop.conf", b"    SSLUseStapling on\n",
           b"    # a note\n\n  sslusestapling   ON\n    Header set X y\n")
    edited(configuration, "sites-available/windows.conf", b"</IfModule>", b"# more\r\n</IfModule>\r\n")
    configuration.disable()
    assert shop.read_bytes() == before[shop][1].replace(
        b"    </IfDefine>\n</VirtualHost>", b"    </IfDefine>\n    # a note\n\n    Header set X y\n</VirtualHost>")
    windows = configuration.root / "sites-available/windows.conf"
    assert windows.read_bytes() == before[windows][1].replace(b"</IfModule>", b"# more\r\n</IfModule>\r\n")


def test_a_line_of_ours_that_was_changed_is_left_and_reported(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.enable("shop.example")
    edited(configuration, "sites-available/shop.conf", b"SSLUseStapling on", b"SSLUseStapling off")
    edit = configuration.disable()
    assert "line-changed" in edit.words()
    text = (configuration.root / "sites-available/shop.conf").read_text()
    assert "SSLUseStapling off\n</VirtualHost>" in text and "stapleguard" not in text


def test_lines_of_ours_are_found_in_a_site_that_is_not_read_any_more(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    configuration.enable("shop.example", "windows.example")
    link = configuration.root / "sites-enabled/shop.conf"
    target = os.readlink(link)
    link.unlink()
    configuration.disable()
    link.symlink_to(target)
    assert configuration.snapshot() == before


def test_what_was_put_aside_comes_back_from_where_it_was_moved(tmp_path):
    configuration = of(tmp_path, "plain")
    configuration.enable("all")
    path = configuration.root / "conf/extra/httpd-ssl.conf"
    moved = path.read_text().replace("Listen 443\n", "").replace("\n#stapleguard-was#", "\n\t#stapleguard-was#")
    path.write_text("# tidied\nListen 443\n" + moved)
    configuration.disable()
    text = path.read_text()
    assert text.startswith("# tidied\nListen 443\n") and "stapleguard" not in text
    assert '\nSSLStaplingCache "shmcb:logs/ssl_stapling(32768)"\n' in text


def test_the_own_file_that_was_renamed_goes(tmp_path):
    configuration = of(tmp_path, "debian")
    before = configuration.snapshot()
    configuration.enable("all")
    os.rename(configuration.root / "conf-available/stapleguard.conf", configuration.root / "conf-enabled/a.conf")
    (configuration.root / "conf-enabled/stapleguard.conf").unlink()
    assert len(configuration.disable().changes) == 1
    assert configuration.snapshot() == before


def test_the_own_file_in_a_directory_that_is_not_read_any_more_goes(tmp_path):
    configuration = of(tmp_path, "confd")
    configuration.enable("all")
    edited(configuration, "conf/httpd.conf", b"IncludeOptional conf.d/*.conf", b"Include conf.d/[a-rt-z]*.conf")
    assert str(configuration.root / "conf.d/stapleguard.conf") in configuration.disable().paths()
    assert not (configuration.root / "conf.d/stapleguard.conf").exists()
    assert b"stapleguard" not in (configuration.root / "conf.d/zz-site.conf").read_bytes()


def test_the_own_file_that_a2disconf_took_out_is_linked_again(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.enable("all")
    (configuration.root / "conf-enabled/stapleguard.conf").unlink()
    assert configuration.stapling() == []
    assert [change.kind for change in configuration.enable("all").changes] == ["link"]
    assert configuration.stapling()


# files with several names

def test_a_file_out_of_the_tree_is_edited_once_behind_its_links(tmp_path):
    configuration = of(tmp_path, "debian")
    os.symlink("../../outside/customer.conf", configuration.root / "sites-enabled/zz-again.conf")
    before = configuration.snapshot()
    real = configuration.directory / "outside/customer.conf"
    edit = configuration.enable("customer.example")
    assert str(real) in edit.paths()
    assert real.read_text().count("SSLUseStapling on") == 1
    configuration.disable()
    assert configuration.snapshot() == before


@pytest.mark.parametrize("name", ["debian", "confd", "macros"])
def test_a_server_root_behind_a_link(tmp_path, name):
    configuration = of(tmp_path, name)
    os.symlink(name, configuration.directory / "by-link")
    configuration.root = configuration.directory / "by-link"
    before = configuration.snapshot()
    edit = configuration.enable("all")
    assert all("by-link" not in path for path in edit.paths())
    assert configuration.stapling()
    assert configuration.enable("all").changes == []
    configuration.disable()
    assert configuration.snapshot() == before


def test_crlf_lines_get_crlf_lines(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.enable("windows.example")
    text = (configuration.root / "sites-available/windows.conf").read_bytes()
    assert b"  SSLUseStapling on\r\n</VirtualHost>\r\n" in text
    assert text.count(b"\n") == text.count(b"\r\n")


# findings

@pytest.mark.parametrize("line, word, says", [
    ("MDStapling on", "md-stapling", "mod_md"),
    ("Mutex flock:/tmp ssl-stapling OmitPID", "omit-pid", "AH01959"),
    ("Mutex file:/tmp default", "mutex", "Mutex file:/tmp default"),
    ("SSLStaplingForceURL http://ocsp.example/", "force-url", "http://ocsp.example/"),
    ("SSLStaplingCache shmcb:/tmp/x(64000)", "other-cache", "shmcb:/tmp/x(64000)"),
    ("<VirtualHost *:443>\nSSLStaplingFakeTryLater on\n</VirtualHost>", "vhost-overrides", "SSLStaplingFakeTryLater on"),
])
def test_findings_have_their_place(tmp_path, line, word, says):
    configuration = of(tmp_path, "conditions")
    path = configuration.write("more.conf", "# first\n" + line + "\n")
    configuration.append("httpd.conf", "LoadModule md_module /usr/lib/apache2/modules/mod_md.so\n"
                         "LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so\nInclude more.conf\n")
    (found,) = [finding for finding in configuration.edit("enable", "all").findings if finding[0] == word]
    assert found[1] == str(path) and found[2] == (3 if "VirtualHost" in line else 2)
    assert says in found[3] and found[3].startswith(f"{path}:")


def test_a_line_that_is_taken_back_later_is_no_finding(tmp_path):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", "LoadModule md_module /usr/lib/apache2/modules/mod_md.so\nMDStapling on\nMDStapling off\n")
    assert "md-stapling" not in configuration.edit("enable", "all").words()


def test_the_mutex_in_effect_is_the_last_that_names_it(tmp_path):
    configuration = of(tmp_path, "conditions")
    configuration.append("httpd.conf", "Mutex file:/tmp ssl-cache ssl-stapling\nMutex pthread default\nMutex sem ssl-stapling-refresh\n")
    (found,) = [finding for finding in configuration.edit("enable", "all").findings if finding[0] == "mutex"]
    assert found[3].endswith("Mutex file:/tmp ssl-cache ssl-stapling")


def test_a_mutex_that_is_read_after_ours_is_reported(tmp_path):
    configuration = of(tmp_path, "debian")
    configuration.write("sites-enabled/zz.conf", "Mutex pthread ssl-stapling ssl-cache\n")
    edit = configuration.enable("all")
    assert "mutex-other" in edit.words()
    assert configuration.enable("all").changes == []


# for people

def test_the_diff_is_what_patch_takes_but_clean(tmp_path):
    configuration = of(tmp_path, "debian")
    edit = configuration.edit("enable", "admin.shop.example")
    assert "--- /dev/null\n+++ " in edit.diff
    assert f"new link {configuration.root}/conf-enabled/stapleguard.conf -> ../conf-available/stapleguard.conf\n" in edit.diff
    assert edit.diff.endswith("""     SSLCertificateFile ssl/admin.pem
     SSLCertificateKeyFile ssl/admin.key
+    # stapleguard: added by "stapleguard enable", as the last such line, which counts; "stapleguard disable" takes it away
+    SSLUseStapling on
 </VirtualHost> # end of admin
 <VirtualHost *:443>
     # by port 443 and a certificate alone
""")
    for name in ("cafe.example", "windows.example"):
        diff = configuration.edit("enable", name).diff
        assert all(c == "\n" or c.isprintable() for c in diff)


def test_before_is_what_the_files_say(tmp_path):
    configuration = of(tmp_path, "debian")
    for change in configuration.edit("enable", "shop.example").changes:
        if change.kind == "replace":
            assert change.before == change.path.read_bytes()
        apply_change(change)
    configuration.assert_syntax_is_ok()
