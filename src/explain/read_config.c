/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "explain/ex_run.h"
#include "fmt/measured.h"

#include <stdio.h>
#include <string.h>

/*
 * The measured configuration, first in ramdisk 1, key by key. "entries", "bytes" and "pages" are
 * sums over the rest of the archive: where only they differ, the rest says why.
 */
struct both {
	struct ex_run *r;
	const struct ex_pair *p;
};

static void number(const struct both *t, const char *key, uint64_t a, uint64_t b)
{
	char x[24];
	char y[24];

	if (a == b)
		return;
	(void)snprintf(x, sizeof(x), "%llu", (unsigned long long)a);
	(void)snprintf(y, sizeof(y), "%llu", (unsigned long long)b);
	ex_say_text(t->r, t->p, EX_INPUT_CONFIG, key, x, y);
}

static void text(const struct both *t, const char *key, struct ss_span a, struct ss_span b)
{
	if (!ss_same(a, b))
		ex_say_content(t->r, t->p, EX_INPUT_CONFIG, key, a, b);
}

static void strings(const struct both *t, const char *key, struct mc_list a, struct mc_list b)
{
	bool more = true;

	while (more) {
		struct ss_span x = { NULL, 0 };
		struct ss_span y = { NULL, 0 };

		more = mc_next_string(&a, &x);
		more = mc_next_string(&b, &y) || more;
		if (more)
			text(t, key, x, y);
	}
}

/* Items of other kinds: that they differ. */
static void list(const struct both *t, const char *key, const struct mc_list *a,
		 const struct mc_list *b)
{
	if (!ss_same(a->raw, b->raw))
		ex_say_text(t->r, t->p, EX_INPUT_CONFIG, key, "", "");
}

static void compare(const struct both *t, const struct mc_config *a, const struct mc_config *b)
{
	strings(t, "argv", a->argv, b->argv);
	strings(t, "env", a->env, b->env);
	text(t, "cwd", a->cwd, b->cwd);
	number(t, "uid", a->uid, b->uid);
	number(t, "gid", a->gid, b->gid);
	list(t, "groups", &a->groups, &b->groups);
	number(t, "stop_signal", a->stop_signal, b->stop_signal);
	number(t, "new_privileges", a->new_privileges, b->new_privileges);
	number(t, "nsm", a->nsm, b->nsm);
	list(t, "ingress", &a->ingress, &b->ingress);
	strings(t, "egress", a->egress, b->egress);
	list(t, "secrets", &a->secrets, &b->secrets);
	number(t, "health.check", a->health.check, b->health.check);
	number(t, "health.port", a->health.port, b->health.port);
	number(t, "health.interval", a->health.interval_ms, b->health.interval_ms);
	number(t, "health.timeout", a->health.timeout_ms, b->health.timeout_ms);
	number(t, "health.failures", a->health.failures, b->health.failures);
	text(t, "health.path", a->health.path, b->health.path);
	number(t, "restart", a->restart, b->restart);
	number(t, "grace", a->grace_ms, b->grace_ms);
	number(t, "clock", a->clock_ms, b->clock_ms);
	number(t, "logs", a->logs, b->logs);
	list(t, "xattrs", &a->xattrs, &b->xattrs);
}

int ex_config(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(EX_LOAD);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EX_LOAD);
	const struct both t = { r, p };
	struct ss_err no = { 0 };
	struct mc_config x, y;
	const uint64_t said = r->said;
	bool loaded;

	if (p->depth > 0 || p->path.n != 6 || !ex_is_named(p, "config"))
		return 0;
	/* Its counts follow from what else the ramdisk holds; a file of a tree follows from
	 * nothing. */
	if (strncmp(r->part, "ramdisk", 7) != 0 && strcmp(r->part, "cpio") != 0)
		return 0;
	if (ex_load(p, &a, &b, &loaded, err) < 0)
		return -1;
	if (!loaded || mc_read(ss_buf_span(&a), &x, &no) < 0 ||
	    mc_read(ss_buf_span(&b), &y, &no) < 0)
		return 0;
	*ret_done = true;
	compare(&t, &x, &y);
	r->follows = r->said == said;
	return 0;
}
