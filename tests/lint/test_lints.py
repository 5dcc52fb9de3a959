# SPDX-License-Identifier: MIT
"""Each check is given a small tree with faults in it, so that none is a check that cannot fail."""
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SPDX = "/* SPDX-License-Identifier: MIT */\n"


@pytest.fixture
def tree(tmp_path):
    """A tree without faults; the function given writes one more file into it."""
    def write(name, text, spdx=SPDX):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(spdx + text)

    write.root = tmp_path
    (tmp_path / "tests/lint").mkdir(parents=True)
    shutil.copy(HERE / "layers.def", tmp_path / "tests/lint")
    shutil.copy(HERE.parent.parent / ".clang-format", tmp_path)
    write("common/base/text.h", "#pragma once\n\n#include <stddef.h>\n\nsize_t fr_text_length(void);\n")
    write("common/net/conn.h", '#pragma once\n\n#include "common/base/text.h"\n')
    write("daemon/relay/stream.c", '#include "common/base/text.h"\n')
    for table, row in (("doors", "DOOR"), ("sources", "SOURCE"), ("sinks", "SINK")):
        write(f"daemon/{table}/{table}.def", f"{row}(one_two, ALWAYS)\n")
    write("docs/doors/one-two.md", "# one-two\n", "")
    write("docs/sources.md", "## one-two\n", "")
    write("docs/sinks.md", "## `one-two`\n", "")
    write("tests/scenario/10_one_two_carries_pictures.py", "", "# SPDX-License-Identifier: MIT\n")
    return write


def run(check, *args):
    """Gives (exit status, lines printed)."""
    done = subprocess.run([sys.executable, HERE / f"{check}.py", *map(str, args)],
                          capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("check", ["layers", "headers", "sizes", "words", "rows", "format"])
def test_a_tree_without_faults_passes(tree, check):
    assert run(check, tree.root) == (0, [])


@pytest.mark.parametrize("file, target", [
    ("daemon/relay/relay.c", "common/net/conn.h"),
    ("daemon/doors/http/http.c", "daemon/doors/grpc/grpc.h"),
    ("daemon/sources/pattern.c", "daemon/sinks/sink.h"),
    ("common/base/log.c", "common/media/frame.h"),
    ("common/net/tls.c", "conn.h"),
])
def test_layers_finds_an_include_that_points_the_wrong_way(tree, file, target):
    tree(file, f'#include "{target}"\n')

    assert run("layers", tree.root) == (1, [f"{file}: may not include {target}"])


def test_layers_lets_the_wiring_include_anything(tree):
    tree("daemon/framerelayd.c", '#include "common/net/conn.h"\n#include "daemon/doors/http/http.h"\n')

    assert run("layers", tree.root) == (0, [])


def test_layers_refuses_a_table_with_a_cycle(tree):
    (tree.root / "tests/lint/layers.def").write_text("common/base: common/media\ncommon/media:\n")

    assert subprocess.run([sys.executable, HERE / "layers.py", tree.root],
                          capture_output=True).returncode == 1


def test_headers_finds_one_that_needs_another_before_it(tree):
    tree("common/base/a.h", "#pragma once\n\nsize_t fr_a(void);\n")
    tree("common/base/b.h", "struct fr_b;\n")

    status, lines = run("headers", tree.root)

    assert status == 1
    assert [line.split(":")[0] for line in lines] == ["common/base/a.h", "common/base/b.h"]


def test_sizes_fails_a_file_that_is_too_long_and_notes_a_long_function(tree):
    tree("common/base/long.c", "int x;\n" * 800)
    tree("common/base/function.c", "int fr_f(void)\n{\n" + "\tx();\n" * 60 + "}\n")

    status, lines = run("sizes", tree.root)

    assert status == 1
    assert lines == ["note: common/base/function.c:3: fr_f: 62 lines, over 60",
                     "common/base/long.c: 801 lines, at most 800"]


@pytest.mark.parametrize("text, what", [
    ("/* as in /" "work/somewhere */\n", "a path of somebody's machine"),
    ("/* see .." "/shared/de" "sign */\n", "a path outside the repository"),
    ("/* TO" "DO: more */\n", "a mark for later: do it now, or open an issue"),
    ("/* FIX" "ME */\n", "a mark for later: do it now, or open an issue"),
    ("/** " "*/\nint x;\n", "an empty doc comment"),
    ("<<<<<<< HEAD\n", "a conflict that was not resolved"),
    ("\tevbuffer_add_buffer_reference(out, in);\n", "use evbuffer_add_reference() with a count of our own"),
    ("\tstrcpy(text, name);\n", "a call without bounds, or with hidden state"),
])
def test_words_finds(tree, text, what):
    tree("common/base/a.c", text)

    assert run("words", tree.root) == (1, [f"common/base/a.c:2: {what}"])


@pytest.mark.parametrize("name, text, what", [
    ("a.js", "node.innerHTML = title;\n", "text becomes markup or code"),
    ("a.html", "<p style=\"color: red\">\n", "what the page's own policy forbids: inline script or style"),
])
def test_words_finds_what_the_page_must_not_do(tree, name, text, what):
    tree(f"daemon/page/{name}", text)

    assert run("words", tree.root) == (1, [f"daemon/page/{name}:2: {what}"])


def test_words_finds_a_source_without_its_licence(tree):
    tree("common/base/a.c", "int x;\n", "")

    assert run("words", tree.root) == (1, ["common/base/a.c:1: no SPDX line"])


def test_words_looks_into_documents_too(tree):
    tree("docs/a.md", "Start it from /" "root/framerelayd.\n", "")

    assert run("words", tree.root) == (1, ["docs/a.md:1: a path of somebody's machine"])


def test_rows_finds_what_a_new_row_lacks(tree):
    tree("daemon/doors/doors.def", "DOOR(udp_messages, ALWAYS)\n")
    tree("daemon/sinks/sinks.def", "SINK(record, ALWAYS)\n")

    status, lines = run("rows", tree.root)

    assert status == 1
    assert lines == [
        "daemon/doors/doors.def: udp-messages: no docs/doors/udp-messages.md",
        "daemon/doors/doors.def: udp-messages: no tests/scenario/NN_udp_messages_*.py",
        "daemon/sinks/sinks.def: record: no heading `## record` in docs/sinks.md",
    ]


def test_format_finds_spaces_where_a_tab_belongs(tree):
    tree("common/base/a.c", "int fr_a(void)\n{\n        return 1;\n}\n")

    status, lines = run("format", tree.root)

    assert status == 1
    assert len(lines) == 1 and lines[0].startswith("common/base/a.c:")


def test_names_finds_a_symbol_that_could_hide_a_librarys(tmp_path):
    source = tmp_path / "a.c"
    source.write_text("int fr_good(void) { return 1; }\nint strbuf_append(void) { return 1; }\n")
    objects = tmp_path / "CMakeFiles/fr_common_base.dir"
    objects.mkdir(parents=True)
    subprocess.run(["cc", "-c", source, "-o", objects / "a.c.o"], check=True)

    assert run("names", tmp_path) == (
        1, ["fr_common_base.dir/a.c.o: strbuf_append: does not begin with fr_"])


def test_names_fails_where_nothing_was_built(tmp_path):
    assert run("names", tmp_path) == (1, [f"{tmp_path}: nothing has been built"])


@pytest.fixture
def pages(tmp_path):
    """The pages with generated parts, all up to date, and the program that says so."""
    program = tmp_path / "framerelayd"
    program.write_text('#!/bin/sh\n[ "$1" = --dump-docs ] && echo "rows of $2"\n')
    program.chmod(0o755)
    (tmp_path / "docs").mkdir()
    for name in ("configuration", "metrics", "limits"):
        (tmp_path / f"docs/{name}.md").write_text(
            f"# {name}\n\n<!-- generated: {name} -->\n\nrows of {name}\n\n<!-- end -->\n\nafter\n")
    return tmp_path, program


def test_docs_finds_a_stale_part_and_writes_it_anew(pages):
    root, program = pages
    page = root / "docs/metrics.md"
    fresh = page.read_text()
    page.write_text(fresh.replace("rows of", "old rows of"))

    stale = run("docs", root, program)
    run("docs", root, program, "--write")

    assert stale == (1, ["docs/metrics.md: metrics is stale: run tests/lint/docs.py with --write"])
    assert page.read_text() == fresh
    assert run("docs", root, program) == (0, [])


def test_docs_fails_a_page_that_lost_its_part(pages):
    root, program = pages
    (root / "docs/limits.md").write_text("# limits\n")

    assert run("docs", root, program) == (1, ["docs/limits.md: has no generated part"])


def test_cppcheck_and_clang_tidy_find_a_null_that_is_used(tree):
    tree("common/base/a.c", "int fr_a(void);\nint fr_a(void)\n{\n\tint *p = 0;\n\treturn *p;\n}\n")
    source = tree.root / "common/base/a.c"
    shutil.copy(HERE.parent.parent / ".clang-tidy", tree.root)
    (tree.root / "compile_commands.json").write_text(
        f'[{{"directory": "{tree.root}", "command": "clang -c {source}", "file": "{source}"}}]')

    assert run("tidy", "cppcheck", tree.root)[0] == 1
    assert run("tidy", "clang-tidy", tree.root, tree.root)[0] == 1


HARDENED = ["-O2", "-fPIE", "-pie", "-fstack-protector-strong", "-fcf-protection=full", "-D_FORTIFY_SOURCE=2",
            "-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code"]
PROGRAM = """#include <stdio.h>
#include <string.h>
""" + "".join(f"int f{n}(void) {{ return {n}; }}\n" for n in range(20)) + """int main(int argc, char **argv)
{
	char text[64];

	return sprintf(text, "%s", argv[argc - 1]) + (int)strlen(text);
}
"""


def built(tmp_path, text=PROGRAM, instead=()):
    """Builds a program with the options of HARDENED, some of them replaced: {without: with}."""
    options = [dict(instead).get(o, o) for o in HARDENED]
    (tmp_path / "a.c").write_text(text)
    subprocess.run(["gcc", "-w", *filter(None, options), "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    return tmp_path / "a"


def test_hardening_passes_what_has_all_of_it(tmp_path):
    assert run("hardening", built(tmp_path)) == (0, [])


@pytest.mark.parametrize("instead, words", [
    ([("-fPIE", "-fno-pie"), ("-pie", "-no-pie")], "(-pie)"),
    ([("-fstack-protector-strong", "-fno-stack-protector")], "(-fstack-protector-strong)"),
    ([("-D_FORTIFY_SOURCE=2", "")], "(-D_FORTIFY_SOURCE)"),
    ([("-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code", "-Wl,-z,relro,-z,lazy")], "(-z relro -z now)"),
    ([("-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code", "-Wl,-z,now,-z,execstack")], "(-z noexecstack)"),
    ([("-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code", "-Wl,-z,now,-z,noseparate-code")], "(-z separate-code)"),
    ([("-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code", "-Wl,-z,now,-rpath,/tmp")], "(RPATH)"),
])
def test_hardening_finds_what_is_missing(tmp_path, instead, words):
    status, lines = run("hardening", built(tmp_path, instead=instead))

    assert status == 1 and any(words in line for line in lines), lines


def test_hardening_finds_jumps_that_are_not_guarded(tmp_path):
    if subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout.strip() != "x86_64":
        return  # another processor has another guard
    status, lines = run("hardening", built(tmp_path, instead=[("-fcf-protection=full", "-fcf-protection=none")]))

    assert (status, lines) == (1, ["a: jumps and returns are not guarded (-fcf-protection=full)"])


@pytest.mark.parametrize("call, name", [
    ("system(text)", "system"), ("execl(text, text, (char *)0)", "execl"), ("(int)(long)popen(text, text)", "popen"),
    ("fork()", "fork"), ("execvp(text, argv)", "execvp"),
    ("posix_spawn(0, text, 0, 0, argv, argv)", "posix_spawn"),
])
def test_hardening_finds_a_program_that_could_run_another(tmp_path, call, name):
    text = PROGRAM.replace("#include", "#include <spawn.h>\n#include <stdlib.h>\n#include <unistd.h>\n#include", 1)
    program = built(tmp_path, text.replace("return sprintf", f"return {call} + sprintf"))

    assert run("hardening", program) == (1, [f"a: it calls {name}(): no program is ever executed"])
