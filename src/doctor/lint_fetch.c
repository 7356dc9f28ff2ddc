/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* Downloads and clones. */

#define READERS_MAX 16u /* of one pipeline */

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static bool runs_input(const char *name)
{
	static const char *const names[] = { "python", "python3", "perl", "ruby",   "node",
					     "php",    "eval",    ".",    "source", NULL };

	return lint_is_shell(name) || lint_is_one_of(name, names);
}

/* Who reads its output, down the pipeline, runs it. */
static bool is_run(const struct lint_cmd *c)
{
	const struct lint_script *s = c->s;
	const uint32_t parent = s->sh.cmds[c->index].parent;
	uint32_t i = s->readers[c->index];

	for (size_t hops = 0; i != SH_NONE && hops < READERS_MAX; hops++, i = s->readers[i])
		if (runs_input(lint_name_of(s, i)))
			return true;
	return parent != SH_NONE && runs_input(lint_name_of(s, parent));
}

static bool is_url(const char *s)
{
	return strstr(s, "://") != NULL || strchr(s, '$') != NULL || strchr(s, '.') != NULL;
}

static bool has_url(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *a;

	while ((a = lint_next(
			c, &i,
			" -o --output -O -H --header -A --user-agent -e --referer -u "
			"--user -d --data -X --request --retry --retry-delay -P --max-time -m "
			"--connect-timeout --proto --cacert --output-document --timeout -T -t "
			"--tries --directory-prefix ")) != NULL)
		if (is_url(a))
			return true;
	/* -O is curl's flag without a value. */
	return is(c->argv[0], "curl") && c->argc > 2 && is_url(c->argv[c->argc - 1]) &&
	       c->argv[c->argc - 1][0] != '-';
}

/* Nothing of it stays: it goes to the terminal, or to nowhere. */
static bool is_lost(const struct lint_cmd *c)
{
	const char *o = lint_value(c, is(c->argv[0], "curl") ? "--output" : "--output-document",
				   is(c->argv[0], "curl") ? "-o" : "-O");
	const bool piped = c->s->readers[c->index] != SH_NONE ||
			   c->s->sh.cmds[c->index].parent != SH_NONE || lint_writes(c);

	if (is(o, "/dev/null"))
		return true;
	if (is(c->argv[0], "curl"))
		return !piped && o == NULL && !lint_has_letter(c, 'o') &&
		       !lint_has_letter(c, 'O') && !lint_has(c, "--remote-name") &&
		       !lint_has(c, "--remote-name-all");
	return (lint_has(c, "--spider") || is(o, "-")) && !piped;
}

static void look_at_download(const struct lint_cmd *c)
{
	if (!has_url(c))
		return;
	if (is_run(c))
		lint_say(c, LINT_DOWNLOAD_SHELL);
	else if (!c->run->sums && !lint_has(c, "--checksum") && !is_lost(c))
		lint_say(c, LINT_DOWNLOAD_CHECKSUM);
}

/* The words behind "clone" name something that is already here. */
static bool is_local_clone(const struct lint_cmd *c, size_t i)
{
	const char *a = lint_next(c, &i,
				  " -b --branch --depth -o --origin -c --config --reference -j "
				  "--jobs --filter --template ");

	return a != NULL && (a[0] == '/' || a[0] == '.' || strncmp(a, "file://", 7) == 0);
}

static void look_at_git(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *verb = lint_next(c, &i, " -C -c --git-dir --work-tree ");

	if (is(verb, "submodule")) {
		if (lint_has(c, "--remote"))
			lint_say(c, LINT_GIT_COMMIT);
		return;
	}
	if (is(verb, "pull")) {
		lint_say(c, LINT_GIT_COMMIT);
		return;
	}
	if (!is(verb, "clone") || is_local_clone(c, i))
		return;
	if (!c->run->commit)
		lint_say(c, LINT_GIT_COMMIT);
	if (c->run->l->kept && !c->run->rm_git)
		lint_say(c, LINT_GIT_FOLDER);
}

void lint_fetch(const struct lint_cmd *c)
{
	const char *name = c->argv[0];
	const char *verb = c->argc > 1 ? c->argv[1] : "";

	if (is(name, "git"))
		look_at_git(c);
	else if (is(name, "svn") || is(name, "hg")) {
		if ((is(verb, "checkout") || is(verb, "co") || is(verb, "export") ||
		     is(verb, "clone")) &&
		    lint_value(c, is(name, "svn") ? "--revision" : "--rev", "-r") == NULL)
			lint_say(c, LINT_GIT_COMMIT);
	} else {
		look_at_download(c);
	}
}
