/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* One command of a step, as the rules ask about it. */

bool lint_is_one_of(const char *s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

bool lint_is_shell(const char *name)
{
	static const char *const names[] = { "sh", "bash", "ash", "dash", "ksh", "zsh", NULL };

	return lint_is_one_of(name, names);
}

static const char *base_name(const char *s)
{
	const char *slash = strrchr(s, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : s;
}

/* --- what only runs another command -------------------------------------------------------------
 */

struct wrapper {
	const char *name;
	const char *valued; /* options with a word of their own */
	size_t skip;        /* words before the command */
};

static const struct wrapper wrappers[] = {
	{ "sudo", " -u -g -h -p -C -D -R -T ", 0 },
	{ "doas", " -u -C ", 0 },
	{ "env", " -u -C -S ", 0 },
	{ "nice", " -n ", 0 },
	{ "ionice", " -c -n -p ", 0 },
	{ "nohup", "", 0 },
	{ "time", " -f -o ", 0 },
	{ "timeout", " -k -s ", 1 },
	{ "exec", " -a ", 0 },
	{ "command", "", 0 },
	{ "builtin", "", 0 },
	{ "xargs", " -n -P -I -L -d -s -a -E ", 0 },
	{ "chroot", "", 1 },
	{ "gosu", "", 1 },
	{ "su-exec", "", 1 },
	{ "setpriv", "", 0 },
	{ "setarch", "", 1 },
	{ "stdbuf", " -i -o -e ", 0 },
	{ "eatmydata", "", 0 },
	{ "busybox", "", 0 },
	{ "fakeroot", "", 0 },
	{ "retry", " -n -d ", 0 },
};

static const struct wrapper *wrapper_of(const char *name)
{
	for (size_t i = 0; i < SS_NELEMS(wrappers); i++)
		if (strcmp(wrappers[i].name, name) == 0)
			return &wrappers[i];
	return NULL;
}

static bool is_valued(const char *valued, const char *word)
{
	const size_t n = strlen(word);

	for (const char *p = strstr(valued, word); p != NULL; p = strstr(p + 1, word))
		if (p > valued && p[-1] == ' ' && p[n] == ' ')
			return true;
	return false;
}

static bool is_assignment(const char *s)
{
	const char *eq = strchr(s, '=');

	return eq != NULL && eq != s &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
		       (size_t)(eq - s);
}

/* Where in `argv` the command begins that argv[i] runs; `argc` if there is none. */
static size_t unwrap(const char *const *argv, size_t argc, size_t i)
{
	const struct wrapper *w;

	while (i < argc && (w = wrapper_of(base_name(argv[i]))) != NULL) {
		size_t skip = w->skip;

		for (i++; i < argc; i++) {
			if (argv[i][0] == '-' && argv[i][1] != '\0')
				i += is_valued(w->valued, argv[i]) ? 1 : 0;
			else if (!is_assignment(argv[i]) && skip-- == 0)
				break;
		}
	}
	return i;
}

/* find ... -exec COMMAND: the command, where there is one. */
static size_t exec_of(const char *const *argv, size_t argc)
{
	for (size_t i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-exec") == 0 || strcmp(argv[i], "-execdir") == 0)
			return unwrap(argv, argc, i + 1);
	return argc;
}

/* --- a command ----------------------------------------------------------------------------------
 */

static size_t place_of_word(const struct lint_script *s, const struct sh_cmd *c, size_t nth)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct sh_word *w = &s->sh.words[c->first + i];

		if (w->kind == SH_WORD && nth-- == 0)
			return w->at;
	}
	return c->at;
}

bool lint_cmd_of(struct lint_run *run, const struct lint_script *s, uint32_t index,
		 struct lint_cmd *ret)
{
	const struct sh_cmd *c = &s->sh.cmds[index];
	const char **argv = ss_calloc((size_t)c->n + 1, sizeof(*argv));
	size_t n = 0, from;

	for (uint32_t i = 0; i < c->n; i++)
		if (s->sh.words[c->first + i].kind == SH_WORD)
			argv[n++] = sh_text(&s->sh, &s->sh.words[c->first + i]);
	from = unwrap(argv, n, 0);
	if (from == n) {
		free(argv);
		return false;
	}
	*ret = (struct lint_cmd){ .run = run,
				  .s = s,
				  .index = index,
				  .argv = argv,
				  .argc = n - from,
				  .at = place_of_word(s, c, from) };
	memmove(argv, argv + from, (n - from) * sizeof(*argv));
	argv[n - from] = NULL;
	argv[0] = base_name(argv[0]);
	return true;
}

void lint_cmd_done(struct lint_cmd *c)
{
	free(c->argv);
	*c = (struct lint_cmd){ 0 };
}

bool lint_exec_of(const struct lint_cmd *c, struct lint_cmd *ret)
{
	const size_t from = exec_of(c->argv, c->argc);

	if (strcmp(c->argv[0], "find") != 0 || from == c->argc)
		return false;
	*ret = *c;
	ret->argv = ss_calloc(c->argc - from + 1, sizeof(*ret->argv));
	ret->argc = c->argc - from;
	memcpy(ret->argv, c->argv + from, ret->argc * sizeof(*ret->argv));
	ret->argv[0] = base_name(ret->argv[0]);
	return true;
}

const char *lint_name_of(const struct lint_script *s, uint32_t index)
{
	const struct sh_cmd *c = &s->sh.cmds[index];
	const struct wrapper *w = NULL;
	size_t skip = 0;
	bool value = false;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct sh_word *word = &s->sh.words[c->first + i];
		const char *text = sh_text(&s->sh, word);

		if (word->kind != SH_WORD)
			continue;
		if (value) {
			value = false;
		} else if (w != NULL && text[0] == '-' && text[1] != '\0') {
			value = is_valued(w->valued, text);
		} else if (w == NULL || (!is_assignment(text) && skip-- == 0)) {
			w = wrapper_of(base_name(text));
			if (w == NULL)
				return base_name(text);
			skip = w->skip;
		}
	}
	return "";
}

/* --- its words ----------------------------------------------------------------------------------
 */

bool lint_has(const struct lint_cmd *c, const char *flag)
{
	const size_t n = strlen(flag);

	for (size_t i = 1; i < c->argc; i++)
		if (strncmp(c->argv[i], flag, n) == 0 &&
		    (c->argv[i][n] == '\0' || c->argv[i][n] == '='))
			return true;
	return false;
}

bool lint_has_letter(const struct lint_cmd *c, char letter)
{
	for (size_t i = 1; i < c->argc; i++)
		if (c->argv[i][0] == '-' && c->argv[i][1] != '-' &&
		    strchr(c->argv[i] + 1, letter) != NULL)
			return true;
	return false;
}

const char *lint_value(const struct lint_cmd *c, const char *flag, const char *letter)
{
	for (size_t i = 1; i < c->argc; i++) {
		const char *a = c->argv[i];
		const size_t n = flag != NULL ? strlen(flag) : 0;

		if (flag != NULL && strncmp(a, flag, n) == 0 && a[n] == '=')
			return a + n + 1;
		if ((flag != NULL && strcmp(a, flag) == 0) ||
		    (letter != NULL && strcmp(a, letter) == 0))
			return i + 1 < c->argc ? c->argv[i + 1] : "";
		if (letter != NULL && strncmp(a, letter, 2) == 0)
			return a + 2;
	}
	return NULL;
}

const char *lint_next(const struct lint_cmd *c, size_t *i, const char *valued)
{
	while (*i < c->argc) {
		const char *a = c->argv[(*i)++];

		if (a[0] != '-' || a[1] == '\0')
			return a;
		if (is_valued(valued, a))
			(*i)++;
	}
	return NULL;
}

bool lint_writes(const struct lint_cmd *c)
{
	const struct sh_cmd *cmd = &c->s->sh.cmds[c->index];

	for (uint32_t i = 0; i < cmd->n; i++) {
		const struct sh_word *w = &c->s->sh.words[cmd->first + i];
		const char *text = sh_text(&c->s->sh, w);

		if (w->kind == SH_WRITE && strncmp(text, "/dev/", 5) != 0 &&
		    strspn(text, "0123456789-") != w->n)
			return true;
	}
	return false;
}

bool lint_is_mounted(const struct lint_cmd *c, const char *path)
{
	return strstr(c->run->mounts, path) != NULL;
}

/* --- versions -----------------------------------------------------------------------------------
 */

bool lint_is_tag(const char *s)
{
	static const char *const tags[] = { "",      "latest",  "next",    "canary", "beta",
					    "alpha", "master",  "main",    "HEAD",   "head",
					    "trunk", "upgrade", "develop", "patch",  "stable",
					    "*",     "lts",     NULL };

	return lint_is_one_of(s, tags);
}

/* NAME@1.2, @scope/NAME@1.2: not a tag, not a range that starts with ^ or ~. */
bool lint_is_pinned_at(const char *word)
{
	const char *at = word[0] != '\0' ? strchr(word + 1, '@') : NULL;

	return at != NULL && !lint_is_tag(at + 1) && at[1] != '^' && at[1] != '~' && at[1] != '>';
}

/* NAME-1.2 */
bool lint_is_pinned_dash(const char *s)
{
	for (; *s != '\0'; s++)
		if (s[0] == '-' && s[1] >= '0' && s[1] <= '9')
			return true;
	return false;
}
