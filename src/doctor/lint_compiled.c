/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* The packages of Go, Rust, .NET and the rest. */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static bool is_path(const char *s)
{
	return s[0] == '/' || s[0] == '.' || strncmp(s, "file:", 5) == 0;
}

/* --- Go -----------------------------------------------------------------------------------------
 */

/* A module of somebody else's: its first part has a dot. */
static bool is_remote_module(const char *s)
{
	const size_t n = strcspn(s, "/");

	return !is_path(s) && memchr(s, '.', n) != NULL && s[n] == '/';
}

static void look_at_go(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *verb = lint_next(c, &i, " -C "), *a;

	if (is(verb, "get") || (is(verb, "mod") && c->argc > i && is(c->argv[i], "tidy")))
		lint_say(c, LINT_GO_UPDATE);
	if (!is(verb, "install") && !is(verb, "run"))
		return;
	while ((a = lint_next(c, &i, " -ldflags -tags -o -p -gcflags -mod ")) != NULL) {
		AUTO_FREE char *text = lint_expand(c->run->l, a);
		const char *at = strchr(text, '@');

		if (is_remote_module(text) && at != NULL && lint_is_tag(at + 1)) {
			lint_say(c, LINT_GO_LATEST);
			return;
		}
		if (is(verb, "run"))
			return;
	}
}

/* --- Rust ---------------------------------------------------------------------------------------
 */

#define CARGO_VALUED                                                                               \
	" --version --vers --git --rev --tag --branch --root --path -p --package --target "        \
	"--features -F --bin --manifest-path --profile -j --jobs --registry --target-dir -C "

static void look_at_cargo_install(const struct lint_cmd *c, size_t i)
{
	const char *a;
	bool open = false;

	if (lint_has(c, "--path"))
		return;
	if (lint_has(c, "--git")) {
		open = !lint_has(c, "--rev");
	} else if (!lint_has(c, "--version") && !lint_has(c, "--vers")) {
		while ((a = lint_next(c, &i, CARGO_VALUED)) != NULL)
			open = open || !lint_is_pinned_at(a);
	}
	if (open)
		lint_say(c, LINT_CARGO_VERSION);
}

static void look_at_cargo(const struct lint_cmd *c)
{
	static const char *const builds[] = { "build", "b",     "install", "test",   "t",
					      "run",   "r",     "rustc",   "check",  "c",
					      "fetch", "bench", "doc",     "vendor", NULL };
	size_t i = 1;
	const char *verb = lint_next(c, &i, CARGO_VALUED);

	if (verb != NULL && verb[0] == '+')
		verb = lint_next(c, &i, CARGO_VALUED);
	if (is(c->argv[0], "cargo-binstall") || is(verb, "binstall")) {
		look_at_cargo_install(c, is(verb, "binstall") ? i : 1);
		return;
	}
	if (verb == NULL)
		return;
	if (is(verb, "update") || is(verb, "generate-lockfile") || is(verb, "add") ||
	    (lint_is_one_of(verb, builds) && !lint_has(c, "--locked") && !lint_has(c, "--frozen")))
		lint_say(c, LINT_CARGO_LOCKED);
	if (is(verb, "install"))
		look_at_cargo_install(c, i);
}

/* stable, beta, nightly, nightly-x86_64-...: no version, no day. */
static bool is_channel(const char *s)
{
	static const char *const names[] = { "stable", "beta", "nightly" };

	for (size_t i = 0; i < SS_NELEMS(names); i++) {
		const size_t n = strlen(names[i]);

		if (strncmp(s, names[i], n) == 0 &&
		    (s[n] == '\0' || (s[n] == '-' && !is_digit(s[n + 1]))))
			return true;
	}
	return false;
}

static void look_at_rustup(const struct lint_cmd *c)
{
	bool open = c->argc > 1 && is(c->argv[1], "update");

	for (size_t i = 1; i < c->argc; i++) {
		AUTO_FREE char *text = lint_expand(c->run->l, c->argv[i]);

		open = open || is_channel(text);
	}
	if (open)
		lint_say(c, LINT_RUSTUP_CHANNEL);
}

/* --- the rest -----------------------------------------------------------------------------------
 */

static void look_at_dotnet(const struct lint_cmd *c)
{
	if (c->argc > 1 && is(c->argv[1], "restore") && !lint_has(c, "--locked-mode"))
		lint_say(c, LINT_DOTNET_LOCK);
	if (c->argc > 2 && is(c->argv[1], "tool") && is(c->argv[2], "install") &&
	    !lint_has(c, "--version"))
		lint_say(c, LINT_DOTNET_LOCK);
}

/* opam install NAME.1.2, cabal install NAME-1.2, nvm install 20.1. */
static bool is_pinned_other(const char *name, const char *word)
{
	if (is(name, "opam")) {
		const char *dot = strchr(word, '.');

		return dot != NULL && (is_digit(dot[1]) || word[0] == '.');
	}
	if (is(name, "nvm"))
		return strchr(word, '.') != NULL && is_digit(word[strspn(word, "v")]);
	return is(name, "cabal") && lint_is_pinned_dash(word);
}

static void look_at_other(const struct lint_cmd *c)
{
	const char *name = c->argv[0], *a;
	size_t i = 1;
	const char *verb;

	if (is(name, "nix-env")) {
		if (lint_has_letter(c, 'i') || lint_has(c, "--install"))
			lint_say(c, LINT_OTHER_VERSION);
		return;
	}
	verb = lint_next(c, &i, "");
	if (!is(verb, "install") || lint_has(c, "--revision"))
		return;
	a = lint_next(c, &i, " --installdir --channel ");
	if ((a == NULL && is(name, "nvm") && c->argc > 2) ||
	    (a != NULL && !is_pinned_other(name, a) && !is_path(a)))
		lint_say(c, LINT_OTHER_VERSION);
}

void lint_compiled_package(const struct lint_cmd *c)
{
	const char *name = c->argv[0];

	if (is(name, "go"))
		look_at_go(c);
	else if (strncmp(name, "cargo", 5) == 0)
		look_at_cargo(c);
	else if (is(name, "rustup"))
		look_at_rustup(c);
	else if (is(name, "dotnet"))
		look_at_dotnet(c);
	else
		look_at_other(c);
}
