/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* pip and its kin. */

#define PIP_VALUED                                                                                 \
	" -r --requirement -c --constraint -i --index-url --extra-index-url -f --find-links -t "   \
	"--target --prefix --root --platform --python-version --implementation --abi "             \
	"--only-binary "                                                                           \
	"--no-binary --trusted-host --timeout --retries --proxy --progress-bar -d --dest -w "      \
	"--wheel-dir --python -p --cache-dir --upgrade-strategy --log --cert --use-feature "

/* The file as the context has it: by its path, else by its name. */
static bool file_holds(const struct lint_cmd *c, const char *file, const char *text)
{
	const struct lint_options *o = c->run->l->o;
	AUTO_FREE char *path = lint_expand(c->run->l, file);
	const char *p = path;
	const char *slash;

	if (o->has == NULL)
		return false;
	while (p[0] == '/' || strncmp(p, "./", 2) == 0)
		p += p[0] == '/' ? 1 : 2;
	slash = strrchr(p, '/');
	return o->has(o->ctx, p, text) || (slash != NULL && o->has(o->ctx, slash + 1, text));
}

/* The file of "-r FILE" and its other spellings at argv[k]; NULL if that is something else. */
static const char *requirements_at(const struct lint_cmd *c, size_t k)
{
	const char *a = c->argv[k];

	if (strcmp(a, "-r") == 0 || strcmp(a, "--requirement") == 0)
		return k + 1 < c->argc ? c->argv[k + 1] : "";
	if (strncmp(a, "--requirement=", 14) == 0)
		return a + 14;
	return a[0] == '-' && a[1] == 'r' ? a + 2 : NULL;
}

/* Every requirements file has hashes, and nothing is named beside them. */
static bool has_hashes(const struct lint_cmd *c, size_t from)
{
	size_t files = 0, i = from;

	if (lint_has(c, "--require-hashes") || lint_has(c, "--no-index") ||
	    lint_has_var(c->run->l, "PIP_REQUIRE_HASHES"))
		return true;
	for (size_t k = from; k < c->argc; k++) {
		const char *file = requirements_at(c, k);

		if (file != NULL && !file_holds(c, file, "--hash=sha"))
			return false;
		files += file != NULL ? 1 : 0;
	}
	return files > 0 && lint_next(c, &i, PIP_VALUED) == NULL;
}

/* Only what is here already: "--no-deps ." */
static bool is_local(const struct lint_cmd *c, size_t from)
{
	const char *a;

	if (!lint_has(c, "--no-deps"))
		return false;
	for (size_t i = from; (a = lint_next(c, &i, PIP_VALUED)) != NULL;)
		if (a[0] != '.' && a[0] != '/')
			return false;
	return true;
}

static void install_of(const struct lint_cmd *c, size_t from)
{
	const struct lint *l = c->run->l;

	if (!has_hashes(c, from) && !is_local(c, from))
		lint_say(c, LINT_PIP_HASHES);
	if (l->kept && strcmp(c->argv[0], "uv") != 0 && !lint_has(c, "--no-cache-dir") &&
	    !lint_has(c, "--cache-dir") && !lint_has_var(l, "PIP_NO_CACHE_DIR") &&
	    !c->run->rm_home && !lint_is_mounted(c, ".cache"))
		lint_say(c, LINT_PIP_CACHE);
}

static void look_at_pip(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *verb = lint_next(c, &i, PIP_VALUED);

	if (verb != NULL && (strcmp(verb, "install") == 0 || strcmp(verb, "download") == 0 ||
			     strcmp(verb, "wheel") == 0))
		install_of(c, i);
}

/* The named packages have a version: NAME==1.2. */
static void look_at_named(const struct lint_cmd *c, size_t i, const char *mark, enum lint_code code)
{
	const char *a;

	while ((a = lint_next(c, &i, " -n --name -p --prefix -c --channel -f --file --python ")) !=
	       NULL) {
		AUTO_FREE char *text = lint_expand(c->run->l, a);

		if (strstr(text, mark) == NULL && text[0] != '.' && text[0] != '/') {
			lint_say(c, code);
			return;
		}
	}
}

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static void look_at_uv(const struct lint_cmd *c)
{
	const struct lint *l = c->run->l;
	size_t i = 1;
	const char *verb = lint_next(c, &i, " --directory --project ");
	const char *next = verb != NULL ? lint_next(c, &i, " --python -p ") : NULL;
	const bool locked = lint_has(c, "--locked") || lint_has(c, "--frozen") ||
			    lint_has_var(l, "UV_FROZEN") || lint_has_var(l, "UV_LOCKED");

	if (is(verb, "pip") && is(next, "install"))
		install_of(c, i);
	else if (is(verb, "add") || is(verb, "lock") ||
		 ((is(verb, "sync") || is(verb, "run")) && !locked))
		lint_say(c, LINT_PYTHON_LOCK);
	else if (is(verb, "tool") && is(next, "install"))
		look_at_named(c, i, "==", LINT_OTHER_VERSION);
}

static void look_at_conda(const struct lint_cmd *c)
{
	static const char *const verbs[] = { "install", "create", NULL };
	size_t i = 1;
	const char *verb = lint_next(c, &i, "");

	if (verb == NULL)
		return;
	if (strcmp(verb, "update") == 0 || strcmp(verb, "upgrade") == 0 ||
	    (strcmp(verb, "env") == 0 && c->argc > i &&
	     (strcmp(c->argv[i], "create") == 0 || strcmp(c->argv[i], "update") == 0)))
		lint_say(c, LINT_CONDA_VERSION);
	if (lint_is_one_of(verb, verbs))
		look_at_named(c, i, "=", LINT_CONDA_VERSION);
}

static void look_at_pipx(const struct lint_cmd *c)
{
	if (c->argc > 1 && is(c->argv[1], "install"))
		look_at_named(c, 2, "==", LINT_OTHER_VERSION);
}

static void look_at_easy_install(const struct lint_cmd *c)
{
	look_at_named(c, 1, "==", LINT_OTHER_VERSION);
}

static void look_at_poetry(const struct lint_cmd *c)
{
	static const char *const verbs[] = { "add", "update", "lock", NULL };

	if (c->argc > 1 && lint_is_one_of(c->argv[1], verbs))
		lint_say(c, LINT_PYTHON_LOCK);
}

static void look_at_pipenv(const struct lint_cmd *c)
{
	const char *verb = c->argc > 1 ? c->argv[1] : "";
	const bool binding = lint_has(c, "--deploy") || lint_has(c, "--ignore-pipfile");

	if (is(verb, "update") || is(verb, "lock") || (is(verb, "install") && !binding))
		lint_say(c, LINT_PYTHON_LOCK);
}

void lint_python(const struct lint_cmd *c)
{
	static const struct {
		const char *name;
		void (*look)(const struct lint_cmd *c);
	} tools[] = {
		{ "uv", look_at_uv },         { "conda", look_at_conda },
		{ "mamba", look_at_conda },   { "micromamba", look_at_conda },
		{ "pipx", look_at_pipx },     { "easy_install", look_at_easy_install },
		{ "poetry", look_at_poetry }, { "pipenv", look_at_pipenv },
	};

	for (size_t i = 0; i < SS_NELEMS(tools); i++) {
		if (!is(c->argv[0], tools[i].name))
			continue;
		tools[i].look(c);
		return;
	}
	look_at_pip(c); /* pip3.11 and the like */
}
