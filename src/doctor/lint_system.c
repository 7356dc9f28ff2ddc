/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <string.h>

/* The packages of the system: apt, apk, dnf and its kin, pacman. */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool ends(const char *s, const char *tail)
{
	const size_t n = strlen(s), m = strlen(tail);

	return n >= m && strcmp(s + n - m, tail) == 0;
}

static bool is_path(const char *s)
{
	return s[0] == '/' || strncmp(s, "./", 2) == 0 || strncmp(s, "../", 3) == 0;
}

/* --- apt ----------------------------------------------------------------------------------------
 */

#define APT_VALUED " -o -c -t -a -q= --option --config-file --target-release --default-release "

static bool is_pinned_deb(const struct lint_cmd *c, const char *word)
{
	AUTO_FREE char *text = lint_expand(c->run->l, word);

	return strchr(word, '=') != NULL || strchr(text, '=') != NULL || is_path(word) ||
	       ends(text, ".deb") || ends(text, "-");
}

static bool has_snapshot(const struct lint_cmd *c)
{
	return c->run->l->snapshot || lint_has(c, "--snapshot") || lint_has_letter(c, 'S');
}

static void look_at_apt(const struct lint_cmd *c)
{
	static const char *const installs[] = { "install", "reinstall", "build-dep", "satisfy",
						NULL };
	static const char *const upgrades[] = { "upgrade", "dist-upgrade", "full-upgrade",
						"safe-upgrade", NULL };
	size_t i = 1;
	const char *verb = lint_next(c, &i, APT_VALUED), *word;
	bool open = false;

	if (verb == NULL)
		return;
	if (strcmp(verb, "update") == 0 && c->run->l->kept && !c->run->rm_lists &&
	    !lint_is_mounted(c, "/var/lib/apt"))
		lint_say(c, LINT_APT_LISTS);
	if (has_snapshot(c))
		return;
	if (lint_is_one_of(verb, upgrades))
		lint_say(c, LINT_UPGRADE);
	if (!lint_is_one_of(verb, installs))
		return;
	while ((word = lint_next(c, &i, APT_VALUED)) != NULL)
		open = open || !is_pinned_deb(c, word);
	if (open)
		lint_say(c, LINT_APT_VERSION);
}

/* --- apk ----------------------------------------------------------------------------------------
 */

#define APK_VALUED                                                                                 \
	" -t --virtual -X --repository -p --root --arch --keys-dir --repositories-file "           \
	"--cache-dir "

static bool is_open_apk(const struct lint_cmd *c, const char *word)
{
	AUTO_FREE char *text = lint_expand(c->run->l, word);

	if (strchr(text, '~') != NULL)
		return true;
	return !ends(text, ".apk") && strchr(word, '=') == NULL && strchr(text, '=') == NULL;
}

static void look_at_apk_cache(const struct lint_cmd *c)
{
	if (c->run->l->kept && !lint_has(c, "--no-cache") && !c->run->rm_apk &&
	    !lint_is_mounted(c, "/apk"))
		lint_say(c, LINT_APK_CACHE);
}

static void look_at_apk(const struct lint_cmd *c)
{
	size_t i = 1;
	const char *verb = lint_next(c, &i, APK_VALUED), *word;
	const char *virtual = lint_value(c, "--virtual", "-t");
	bool open = false;

	if (verb == NULL)
		return;
	if (strcmp(verb, "upgrade") == 0)
		lint_say(c, LINT_UPGRADE);
	if (strcmp(verb, "add") == 0 || strcmp(verb, "update") == 0)
		look_at_apk_cache(c);
	if (strcmp(verb, "add") != 0)
		return;
	if (virtual != NULL && strchr(virtual, '=') == NULL)
		lint_say(c, LINT_APK_VIRTUAL);
	while ((word = lint_next(c, &i, APK_VALUED)) != NULL)
		open = open || is_open_apk(c, word);
	if (open)
		lint_say(c, LINT_APK_VERSION);
}

/* --- rpm ----------------------------------------------------------------------------------------
 */

#define RPM_VALUED " -c --config -x --exclude --repo -r --from "

/* NAME-1.2-3: a '-' before a digit. */
static bool is_pinned_rpm(const char *s)
{
	if (ends(s, ".rpm") || is_path(s))
		return true;
	for (; *s != '\0'; s++)
		if ((s[0] == '-' || s[0] == '=') && is_digit(s[1]))
			return true;
	return false;
}

static void look_at_rpm(const struct lint_cmd *c)
{
	static const char *const installs[] = { "install",      "in",           "reinstall",
						"groupinstall", "localinstall", NULL };
	static const char *const upgrades[] = { "upgrade",      "update",      "up", "dup",
						"dist-upgrade", "distro-sync", NULL };
	size_t i = 1;
	const char *verb = lint_next(c, &i, RPM_VALUED), *word;
	bool open = false;

	if (verb == NULL)
		return;
	if (lint_is_one_of(verb, upgrades))
		lint_say(c, LINT_UPGRADE);
	if (!lint_is_one_of(verb, installs))
		return;
	if (c->run->l->kept && !c->run->rm_rpm && !lint_is_mounted(c, "/var/cache"))
		lint_say(c, LINT_RPM_CACHE);
	while ((word = lint_next(c, &i, RPM_VALUED)) != NULL) {
		AUTO_FREE char *text = lint_expand(c->run->l, word);

		open = open || !is_pinned_rpm(text);
	}
	if (open)
		lint_say(c, LINT_RPM_VERSION);
}

static void look_at_pacman(const struct lint_cmd *c)
{
	if (!c->run->l->snapshot && (lint_has_letter(c, 'S') || lint_has(c, "--sync")) &&
	    !lint_has_letter(c, 'c'))
		lint_say(c, LINT_PACMAN_VERSION);
}

void lint_system(const struct lint_cmd *c)
{
	const char *name = c->argv[0];

	if (strcmp(name, "apt-get") == 0 || strcmp(name, "apt") == 0 ||
	    strcmp(name, "aptitude") == 0)
		look_at_apt(c);
	else if (strcmp(name, "apk") == 0)
		look_at_apk(c);
	else if (strcmp(name, "pacman") == 0)
		look_at_pacman(c);
	else if (strstr(name, "repository") != NULL)
		lint_say(c, LINT_APT_REPOSITORY);
	else
		look_at_rpm(c);
}
