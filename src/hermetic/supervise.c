/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/supervise.h"

#include "hermetic/sup.h"

#include <string.h>

/* In the order of their numbers. */
static const char *const caps[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

/* One that is not in the list no kernel of today has. */
static uint64_t set_of(const json_t *list)
{
	uint64_t ret = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		for (size_t c = 0; s != NULL && strncmp(s, "CAP_", 4) == 0 && c < SS_NELEMS(caps);
		     c++)
			if (strcmp(s + 4, caps[c]) == 0)
				ret |= UINT64_C(1) << c;
	}
	return ret;
}

static bool id_of(const json_t *user, const char *name, unsigned *ret)
{
	const json_t *v = json_object_get(user, name);

	if (v != NULL && (!json_is_integer(v) || json_integer_value(v) < 0 ||
			  json_integer_value(v) >= UINT32_MAX))
		return false;
	*ret = (unsigned)json_integer_value(v);
	return true;
}

static int who_of(const json_t *process, struct sup_who *ret, struct ss_err *err)
{
	const json_t *user = json_object_get(process, "user");
	const json_t *groups = json_object_get(user, "additionalGids");
	const json_t *sets = json_object_get(process, "capabilities");

	if (!id_of(user, "uid", &ret->uid) || !id_of(user, "gid", &ret->gid))
		return ss_fail(err, SS_EINPUT, "the bundle's user has no such id");
	if (json_array_size(groups) > SS_NELEMS(ret->groups))
		return ss_fail(err, SS_ELIMIT, "the step's user is in more than %zu groups",
			       SS_NELEMS(ret->groups));
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_int_t v = json_integer_value(json_array_get(groups, i));

		if (v < 0 || v >= UINT32_MAX)
			return ss_fail(err, SS_EINPUT, "the bundle's user has no such group");
		ret->groups[ret->n_groups++] = (gid_t)v;
	}
	ret->bounding = set_of(json_object_get(sets, "bounding"));
	ret->effective = set_of(json_object_get(sets, "effective"));
	ret->permitted = set_of(json_object_get(sets, "permitted"));
	ret->inheritable = set_of(json_object_get(sets, "inheritable"));
	ret->ambient = set_of(json_object_get(sets, "ambient"));
	return 0;
}

/*
 * Root of the container, with what tracing and mounting need. It starts with all that the bounding
 * set lets it have: a program that gains capabilities by being run loses the personality that keeps
 * addresses as they are, and so would a step under USER, which has none.
 */
static void become_root(json_t *process)
{
	static const char *const more[] = { "CAP_DAC_OVERRIDE", "CAP_KILL",   "CAP_SETGID",
					    "CAP_SETPCAP",      "CAP_SETUID", "CAP_SYS_ADMIN",
					    "CAP_SYS_PTRACE" };
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	json_t *old = json_object_get(process, "capabilities");
	json_t *user = json_object_get(process, "user");
	json_t *fresh = json_object();
	const uint64_t has = set_of(json_object_get(old, "bounding"));

	for (size_t i = 0; i < SS_NELEMS(sets); i++) {
		json_t *list = json_array();

		for (size_t c = 0; c < SS_NELEMS(caps); c++)
			if ((has >> c & 1) != 0)
				(void)json_array_append_new(list, json_sprintf("CAP_%s", caps[c]));
		for (size_t k = 0; k < SS_NELEMS(more); k++)
			(void)json_array_append_new(list, json_string(more[k]));
		(void)json_object_set_new(fresh, sets[i], list);
	}
	(void)json_object_set_new(process, "capabilities", fresh);
	(void)json_object_set_new(user, "uid", json_integer(0));
	(void)json_object_set_new(user, "gid", json_integer(0));
}

/* Real runtimes give a step without one the home of its user: now that would be root's. */
static bool has_home(const json_t *process)
{
	const json_t *env = json_object_get(process, "env");

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *s = json_string_value(json_array_get(env, i));

		if (s != NULL && strncmp(s, "HOME=", 5) == 0)
			return true;
	}
	return false;
}

static int put_before(json_t *process, const struct sup_who *who, struct ss_err *err)
{
	AUTO_BUF struct ss_buf ids = SS_BUF_INIT(4096);
	AUTO_BUF struct ss_buf sets = SS_BUF_INIT(4096);
	json_t *args = json_object_get(process, "args");
	json_t *words;

	if (json_array_size(args) == 0)
		return ss_fail(err, SS_EINPUT, "the bundle's process.args is not a list of words");
	hm_who_write(who, &ids, &sets);
	words = json_pack("[s,s%,s%,s,s]", SUP_PROGRAM, ids.p, ids.n, sets.p, sets.n,
			  has_home(process) ? "keep" : "set", "--");
	if (words == NULL || json_array_extend(words, args) < 0)
		return ss_fail(err, SS_ESYS, "cannot put the supervisor before the step");
	(void)json_object_set_new(process, "args", words);
	return 0;
}

int hermetic_supervise(json_t *config, const char *dir, struct ss_err *err)
{
	json_t *process = json_object_get(config, "process");
	json_t *mounts = json_object_get(config, "mounts");
	struct sup_who who = { 0 };

	if (!json_is_array(mounts))
		return ss_fail(err, SS_EINPUT, "the bundle's mounts are not a list");
	if (who_of(process, &who, err) < 0 || put_before(process, &who, err) < 0)
		return -1;
	become_root(process);
	(void)json_array_append_new(mounts, json_pack("{s:s,s:s,s:s,s:[s,s]}", "destination",
						      SUP_DIR, "type", "bind", "source", dir,
						      "options", "bind", "ro"));
	return 0;
}
