/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include <fnmatch.h>
#include <string.h>

/* What a step asks the machine: time, chance, keys, names, processors, accounts. */

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* A time that is given, not asked for: "@0", "2024-01-01", "$X". */
static bool is_fixed_time(const char *s)
{
	return s != NULL && (s[0] == '@' || s[0] == '$' || (s[0] >= '0' && s[0] <= '9'));
}

static void look_at_date(const struct lint_cmd *c)
{
	const char *d = lint_value(c, "--date", "-d");

	for (size_t i = 1; d == NULL && i + 1 < c->argc; i++) /* -ud @0 */
		if (fnmatch("-[!-]*d", c->argv[i], 0) == 0)
			d = c->argv[i + 1];
	if (!is_fixed_time(d) && lint_value(c, "--reference", "-r") == NULL &&
	    !lint_has(c, "--version"))
		lint_say(c, LINT_TIME_DATE);
}

static void look_at_chance(const struct lint_cmd *c)
{
	const char *name = c->argv[0];

	if (is(name, "uuidgen") && (lint_has(c, "--sha1") || lint_has(c, "--md5") ||
				    lint_has_letter(c, 's') || lint_has_letter(c, 'm')))
		return;
	if (strstr(name, "uuidgen") != NULL || is(name, "systemd-machine-id-setup"))
		lint_say(c, LINT_RANDOM_UUID);
	else if (is(name, "sort") ? lint_has_letter(c, 'R') || lint_has(c, "--random-sort")
				  : !lint_has(c, "--random-source"))
		lint_say(c, LINT_RANDOM_DEVICE);
}

/* --- keys ---------------------------------------------------------------------------------------
 */

/* A key is made where the verb or the flag stands; both NULL: always. */
struct maker {
	const char *name;
	const char *verb;
	const char *flag;
};

static const struct maker makers[] = {
	{ "openssl", "genrsa", NULL },
	{ "openssl", "genpkey", NULL },
	{ "openssl", "gendsa", NULL },
	{ "openssl", "dhparam", NULL },
	{ "openssl", NULL, "-genkey" },
	{ "openssl", NULL, "-newkey" },
	{ "gpg", NULL, "--gen-key" },
	{ "gpg", NULL, "--generate-key" },
	{ "gpg", NULL, "--full-gen-key" },
	{ "gpg", NULL, "--full-generate-key" },
	{ "gpg", NULL, "--quick-gen-key" },
	{ "gpg", NULL, "--quick-generate-key" },
	{ "wg", "genkey", NULL },
	{ "wg", "genpsk", NULL },
	{ "certtool", NULL, "--generate-privkey" },
	{ "certtool", NULL, "-p" },
	{ "keytool", NULL, "-genkey" },
	{ "keytool", NULL, "-genkeypair" },
	{ "keytool", NULL, "-genseckey" },
	{ "ssh-keygen", NULL, "-t" },
	{ "ssh-keygen", NULL, "-A" },
	{ "mkcert", NULL, NULL },
	{ "make-ssl-cert", NULL, NULL },
	{ "age-keygen", NULL, NULL },
	{ "dropbearkey", NULL, NULL },
};

static bool makes_key(const struct lint_cmd *c)
{
	const char *name = is(c->argv[0], "gpg2") ? "gpg" : c->argv[0];

	if (is(name, "ssh-keygen") && c->argc == 1)
		return true;
	for (size_t i = 0; i < SS_NELEMS(makers); i++) {
		const struct maker *m = &makers[i];

		if (is(name, m->name) &&
		    (m->verb == NULL || (c->argc > 1 && is(c->argv[1], m->verb))) &&
		    (m->flag == NULL || lint_has(c, m->flag)))
			return true;
	}
	return false;
}

static void look_at_keys(const struct lint_cmd *c)
{
	const char *verb = c->argc > 1 ? c->argv[1] : "";

	if (makes_key(c))
		lint_say(c, LINT_RANDOM_KEY);
	else if (is(c->argv[0], "openssl") && is(verb, "rand"))
		lint_say(c, LINT_RANDOM_DEVICE);
	else if (is(c->argv[0], "openssl") && is(verb, "passwd") && !lint_has(c, "-salt"))
		lint_say(c, LINT_RANDOM_SALT);
	else if (is(c->argv[0], "keytool") &&
		 (lint_has(c, "-import") || lint_has(c, "-importcert") ||
		  lint_has(c, "-importkeystore")))
		lint_say(c, LINT_KEYSTORE);
}

static void look_at_salt(const struct lint_cmd *c)
{
	const char *name = c->argv[0];
	const bool given = is(name, "chpasswd")
				   ? lint_has_letter(c, 'e') || lint_has(c, "--encrypted")
			   : is(name, "mkpasswd") ? lint_has_letter(c, 'S') || lint_has(c, "--salt")
						  : false;

	if (!given)
		lint_say(c, LINT_RANDOM_SALT);
}

/* --- the host -----------------------------------------------------------------------------------
 */

static void look_at_uname(const struct lint_cmd *c)
{
	if (lint_has_letter(c, 'n') || lint_has(c, "--nodename"))
		lint_say(c, LINT_HOST_NAME);
	if (lint_has_letter(c, 'a') || lint_has_letter(c, 'r') || lint_has_letter(c, 'v') ||
	    lint_has(c, "--all") || lint_has(c, "--kernel-release") ||
	    lint_has(c, "--kernel-version"))
		lint_say(c, LINT_HOST_KERNEL);
}

/* make -j$(nproc) gives the same; a number that is written down does not. */
static void look_at_processors(const struct lint_cmd *c)
{
	static const char *const writers[] = { "echo", "printf", "sed", "tee", NULL };
	const uint32_t parent = c->s->sh.cmds[c->index].parent;

	if (is(c->argv[0], "getconf") && (c->argc < 2 || strstr(c->argv[1], "NPROC") == NULL))
		return;
	if (lint_writes(c) ||
	    (parent != SH_NONE && lint_is_one_of(lint_name_of(c->s, parent), writers)))
		lint_say(c, LINT_HOST_PROC);
}

/* --- accounts -----------------------------------------------------------------------------------
 */

static void look_at_account(const struct lint_cmd *c)
{
	static const char valued[] =
		" -b -c -d -e -f -g -G -K -k -p -s -u -h -S: --base-dir --comment --home-dir "
		"--home "
		"--expiredate --inactive --gid --groups --skel --password --shell --uid --ingroup "
		"--gecos --conf --firstuid --lastuid --root -R -Z ";
	const bool is_group = strstr(c->argv[0], "group") != NULL;
	const char letter = is_group ? 'g' : 'u';
	size_t i = 1, names = 0;

	while (lint_next(c, &i, valued) != NULL)
		names++;
	/* adduser NAME GROUP makes nothing new. */
	if (names != 1 || lint_has(c, is_group ? "--gid" : "--uid") || lint_has_letter(c, letter))
		return;
	lint_say(c, LINT_ACCOUNT_NUMBER);
}

void lint_machine(const struct lint_cmd *c)
{
	static const char *const chance[] = { "uuidgen",
					      "dbus-uuidgen",
					      "systemd-machine-id-setup",
					      "shuf",
					      "sort",
					      "pwgen",
					      "apg",
					      NULL };
	static const char *const salts[] = { "chpasswd", "mkpasswd", "htpasswd", NULL };
	static const char *const facts[] = {
		"lscpu", "free", "dmidecode", "lsblk", "uptime", NULL
	};
	static const char *const accounts[] = { "useradd", "adduser", "groupadd", "addgroup",
						NULL };
	const char *name = c->argv[0];

	if (is(name, "date"))
		look_at_date(c);
	else if (lint_is_one_of(name, chance))
		look_at_chance(c);
	else if (lint_is_one_of(name, salts))
		look_at_salt(c);
	else if (is(name, "hostname") || is(name, "hostnamectl"))
		lint_say(c, LINT_HOST_NAME);
	else if (is(name, "uname"))
		look_at_uname(c);
	else if (is(name, "nproc") || is(name, "getconf"))
		look_at_processors(c);
	else if (lint_is_one_of(name, facts))
		lint_say(c, LINT_HOST_PROC);
	else if (lint_is_one_of(name, accounts))
		look_at_account(c);
	else if (is(name, "printf")) {
		if (c->argc > 1 && strstr(c->argv[1], "%(") != NULL)
			lint_say(c, LINT_TIME_VARIABLE);
	} else {
		look_at_keys(c);
	}
}
