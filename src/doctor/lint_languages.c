/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* The packages of JavaScript, Ruby, PHP, Perl; then those of Go, Rust, .NET and the rest. */

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

static bool is_tag(const char *s)
{
	static const char *const tags[] = { "",      "latest",  "next",    "canary", "beta",
					    "alpha", "master",  "main",    "HEAD",   "head",
					    "trunk", "upgrade", "develop", "patch",  "stable",
					    "*",     "lts",     NULL };

	return lint_is_one_of(s, tags);
}

/* NAME@1.2, @scope/NAME@1.2: not a tag, not a range that starts with ^ or ~. */
static bool is_pinned_at(const char *word)
{
	const char *at = word[0] != '\0' ? strchr(word + 1, '@') : NULL;

	return at != NULL && !is_tag(at + 1) && at[1] != '^' && at[1] != '~' && at[1] != '>';
}

/* --- JavaScript ---------------------------------------------------------------------------------
 */

#define NPM_VALUED " --prefix -C --registry --cache --loglevel -w --workspace --cwd "

static void look_at_added(const struct lint_cmd *c, size_t i)
{
	const char *a;

	while ((a = lint_next(c, &i, NPM_VALUED)) != NULL) {
		AUTO_FREE char *text = lint_expand(c->run->l, a);

		if (!is_pinned_at(text) && !is_path(text)) {
			lint_say(c, LINT_NPM_GLOBAL);
			return;
		}
	}
}

static void look_at_npm_cache(const struct lint_cmd *c)
{
	const struct lint *l = c->run->l;

	if (l->kept && !c->run->rm_npm && !lint_has(c, "--cache") && !lint_is_mounted(c, "npm") &&
	    !lint_has_var(l, "NPM_CONFIG_CACHE") && !lint_has_var(l, "npm_config_cache"))
		lint_say(c, LINT_NPM_CACHE);
}

static void look_at_npm(const struct lint_cmd *c)
{
	static const char *const adds[] = { "install", "i", "in", "add", NULL };
	static const char *const clean[] = { "ci", "clean-install", "install-clean", "ic", NULL };
	static const char *const updates[] = { "update", "upgrade", "up", NULL };
	size_t i = 1, k;
	const char *verb = lint_next(c, &i, NPM_VALUED);

	if (verb == NULL)
		return;
	k = i;
	if (lint_is_one_of(verb, updates) ||
	    (lint_is_one_of(verb, adds) && lint_next(c, &k, NPM_VALUED) == NULL))
		lint_say(c, LINT_NPM_INSTALL);
	else if (lint_is_one_of(verb, adds))
		look_at_added(c, i);
	if (lint_is_one_of(verb, adds) || lint_is_one_of(verb, clean))
		look_at_npm_cache(c);
}

static void look_at_npx(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *a = lint_value(c, "--package", "-p");

	/* Without these it may be what npm ci has put there. */
	if (a == NULL && !lint_has(c, "--yes") && !lint_has_letter(c, 'y'))
		return;
	if (a == NULL)
		a = lint_next(c, &i, "");
	if (a != NULL && !is_pinned_at(a))
		lint_say(c, LINT_NPM_GLOBAL);
}

static bool is_yarn_install(const struct lint_cmd *c, const char *verb)
{
	if (verb != NULL)
		return is(verb, "install") || is(verb, "i");
	return strncmp(c->argv[0], "yarn", 4) == 0 && !lint_has(c, "--version") &&
	       !lint_has_letter(c, 'v');
}

static void look_at_yarn(const struct lint_cmd *c)
{
	static const char *const updates[] = { "upgrade", "update", "up", NULL };
	size_t i = 1;
	const char *verb = lint_next(c, &i, NPM_VALUED);
	const bool frozen = lint_has(c, "--frozen-lockfile") || lint_has(c, "--immutable") ||
			    lint_has_var(c->run->l, "YARN_ENABLE_IMMUTABLE_INSTALLS");

	if (is(verb, "global"))
		verb = lint_next(c, &i, NPM_VALUED);
	if (is(verb, "add") || is(verb, "dlx"))
		look_at_added(c, i);
	else if ((verb != NULL && lint_is_one_of(verb, updates)) ||
		 (is_yarn_install(c, verb) && !frozen))
		lint_say(c, LINT_YARN_LOCK);
}

/* --- Ruby, PHP, Perl, Lua, Elixir ---------------------------------------------------------------
 */

static void look_at_gem(const struct lint_cmd *c)
{
	static const char valued[] = " -v --version -i --install-dir -n --bindir -s --source -P ";
	size_t i = 1;
	const char *verb = lint_next(c, &i, valued), *a;

	if (is(verb, "update"))
		lint_say(c, LINT_GEM_VERSION);
	if (!is(verb, "install") && !is(verb, "i"))
		return;
	if (lint_value(c, "--version", "-v") != NULL)
		return;
	while ((a = lint_next(c, &i, valued)) != NULL)
		if (strchr(a, ':') == NULL && strstr(a, ".gem") == NULL) {
			lint_say(c, LINT_GEM_VERSION);
			return;
		}
}

static void look_at_bundle(const struct lint_cmd *c)
{
	const struct lint *l = c->run->l;
	size_t i = 1;
	const char *verb = lint_next(c, &i, "");

	const bool binding = lint_has(c, "--frozen") || lint_has(c, "--deployment") ||
			     c->run->frozen || lint_has_var(l, "BUNDLE_FROZEN") ||
			     lint_has_var(l, "BUNDLE_DEPLOYMENT");
	const bool installs = verb == NULL ? !lint_has(c, "--version") : is(verb, "install");

	if (is(verb, "update") || (installs && !binding))
		lint_say(c, LINT_BUNDLE_LOCK);
}

/* NAME-1.2 */
static bool is_pinned_dash(const char *s)
{
	for (; *s != '\0'; s++)
		if (s[0] == '-' && is_digit(s[1]))
			return true;
	return false;
}

static void look_at_php(const struct lint_cmd *c)
{
	size_t i = 1;
	const bool is_composer = is(c->argv[0], "composer");
	const char *verb = lint_next(c, &i, " -d --working-dir -D "), *a;

	if (is_composer && is(verb, "global"))
		verb = lint_next(c, &i, "");
	if (is_composer && (is(verb, "update") || is(verb, "upgrade") || is(verb, "u")))
		lint_say(c, LINT_PHP_VERSION);
	if (!is(verb, is_composer ? "require" : "install"))
		return;
	while ((a = lint_next(c, &i, " -D ")) != NULL) {
		AUTO_FREE char *text = lint_expand(c->run->l, a);

		if (is_composer ? strpbrk(text, ":=") == NULL
				: !is_pinned_dash(text) && !is_path(text)) {
			lint_say(c, LINT_PHP_VERSION);
			return;
		}
	}
}

static void look_at_perl(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *a;

	if (is(c->argv[0], "carton")) {
		if (c->argc > 1 && is(c->argv[1], "install") && !lint_has(c, "--deployment"))
			lint_say(c, LINT_PERL_VERSION);
		return;
	}
	while ((a = lint_next(c, &i, " -l -L --local-lib --mirror --from ")) != NULL) {
		const bool local = is_path(a) && !lint_has(c, "--installdeps");

		if (strchr(a, '@') == NULL && !local && strstr(a, ".tar.") == NULL) {
			lint_say(c, LINT_PERL_VERSION);
			return;
		}
	}
}

static void look_at_luarocks(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *verb = lint_next(c, &i, " --tree --server ");
	const char *name = lint_next(c, &i, " --tree --server ");

	if (is(verb, "install") && name != NULL && lint_next(c, &i, " --tree --server ") == NULL)
		lint_say(c, LINT_OTHER_VERSION);
}

static void look_at_mix(const struct lint_cmd *c)
{
	if (c->argc > 1 && strncmp(c->argv[1], "local.", 6) == 0)
		lint_say(c, LINT_OTHER_VERSION);
}

void lint_script_package(const struct lint_cmd *c)
{
	static const struct {
		const char *name;
		void (*look)(const struct lint_cmd *c);
	} tools[] = {
		{ "npm", look_at_npm },        { "npx", look_at_npx },
		{ "yarn", look_at_yarn },      { "yarnpkg", look_at_yarn },
		{ "pnpm", look_at_yarn },      { "bun", look_at_yarn },
		{ "gem", look_at_gem },        { "bundle", look_at_bundle },
		{ "bundler", look_at_bundle }, { "pecl", look_at_php },
		{ "pear", look_at_php },       { "composer", look_at_php },
		{ "cpan", look_at_perl },      { "cpanm", look_at_perl },
		{ "carton", look_at_perl },    { "luarocks", look_at_luarocks },
		{ "mix", look_at_mix },
	};

	for (size_t i = 0; i < SS_NELEMS(tools); i++)
		if (is(c->argv[0], tools[i].name))
			tools[i].look(c);
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

		if (is_remote_module(text) && at != NULL && is_tag(at + 1)) {
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
			open = open || !is_pinned_at(a);
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
	return is(name, "cabal") && is_pinned_dash(word);
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
