/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* The packages of JavaScript, Ruby, PHP, Perl and their kin. */

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static bool is_path(const char *s)
{
	return s[0] == '/' || s[0] == '.' || strncmp(s, "file:", 5) == 0;
}

/* --- JavaScript ---------------------------------------------------------------------------------
 */

#define NPM_VALUED " --prefix -C --registry --cache --loglevel -w --workspace --cwd "

static void look_at_added(const struct lint_cmd *c, size_t i)
{
	const char *a;

	while ((a = lint_next(c, &i, NPM_VALUED)) != NULL) {
		AUTO_FREE char *text = lint_expand(c->run->l, a);

		if (!lint_is_pinned_at(text) && !is_path(text)) {
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
	if (a != NULL && !lint_is_pinned_at(a))
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
				: !lint_is_pinned_dash(text) && !is_path(text)) {
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
