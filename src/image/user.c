/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "base/text.h"
#include "image/image.h"

#include <string.h>

#define PASSWD_FIELDS 4u /* name, password, uid, gid; the rest is not looked at */
#define GROUP_FIELDS 4u  /* name, password, gid, members */

/* A file of accounts in memory, and how much of it is still to be read. */
struct accounts {
	uint8_t *p;
	struct ss_span rest;
};

/* Up to and without the next `end`, which is skipped. */
static struct ss_span take_until(struct ss_span *s, uint8_t end)
{
	const uint8_t *p = s->n > 0 ? memchr(s->p, end, s->n) : NULL;
	const struct ss_span head = { s->p, p != NULL ? (size_t)(p - s->p) : s->n };
	const size_t used = p != NULL ? head.n + 1 : head.n;

	s->p += used;
	s->n -= used;
	return head;
}

/* Decimal digits only, at most UINT32_MAX. */
static bool read_number(struct ss_span s, uint32_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 10)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = (uint32_t)v;
	return v <= UINT32_MAX;
}

/* All digits: meant as a number, even if it is too large for one. */
static bool is_numeric(struct ss_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* A file that is absent has no lines. */
static int load(const struct tree *t, const char *path, struct accounts *ret, struct ss_err *err)
{
	const tree_id id = tree_resolve(t, (struct ss_span){ (const uint8_t *)path, strlen(path) });
	struct tree_inode in;

	*ret = (struct accounts){ 0 };
	if (id == TREE_NONE)
		return 0;
	tree_stat(t, id, &in);
	if (in.type != TREE_REG)
		return ss_fail(err, SS_EINPUT, "'%s' is not a regular file", path);
	if (in.size > IMAGE_MAX_ACCOUNTS)
		return ss_fail(err, SS_ELIMIT, "'%s': %u bytes; the limit is %zu", path, in.size,
			       IMAGE_MAX_ACCOUNTS);
	ret->p = ss_calloc((size_t)in.size + 1, 1);
	ret->rest = (struct ss_span){ ret->p, in.size };
	return tree_read(t, id, 0, ret->p, in.size, err);
}

/* The next line that has four fields and is not a comment; the last field ends at the next ":". */
static bool next_line(struct accounts *a, struct ss_span fields[4])
{
	while (a->rest.n > 0) {
		struct ss_span line = take_until(&a->rest, '\n');
		size_t n = 0;

		if (line.n == 0 || line.p[0] == '#')
			continue;
		for (; n < 4 && line.n > 0; n++)
			fields[n] = take_until(&line, ':');
		if (n == 3) { /* "name:x:12:": a group that lists nobody */
			fields[3] = line;
			n++;
		}
		if (n == 4)
			return true;
	}
	return false;
}

struct passwd {
	struct ss_span name;
	uint32_t uid;
	uint32_t gid;
};

/* The first line for `who`: by number if it is one, else by name. */
static bool find_passwd(struct accounts *a, struct ss_span who, struct passwd *ret)
{
	struct ss_span f[PASSWD_FIELDS];
	uint32_t wanted = 0;
	const bool by_number = read_number(who, &wanted);

	while (next_line(a, f)) {
		struct passwd p = { .name = f[0] };

		if (!read_number(f[2], &p.uid) || !read_number(f[3], &p.gid))
			continue;
		if (by_number ? p.uid == wanted : ss_same(f[0], who)) {
			*ret = p;
			return true;
		}
	}
	return false;
}

static int check_id(const char *what, uint32_t id, struct ss_err *err)
{
	if (id > MC_ID_MAX)
		return ss_fail(err, SS_ELIMIT, "%s %u; an enclave has ids up to %u", what, id,
			       MC_ID_MAX);
	return 0;
}

static int find_group(struct accounts *a, struct ss_span who, uint32_t *ret, struct ss_err *err)
{
	struct ss_span f[GROUP_FIELDS];

	if (is_numeric(who)) {
		if (!read_number(who, ret))
			return ss_fail(err, SS_ELIMIT, "group %s; an enclave has ids up to %u",
				       SS_SHOW(who), MC_ID_MAX);
		return 0;
	}
	while (next_line(a, f))
		if (ss_same(f[0], who) && read_number(f[2], ret))
			return 0;
	return ss_fail(err, SS_EINPUT, "no group '%s' in the image's /etc/group", SS_SHOW(who));
}

static bool lists(struct ss_span members, struct ss_span name)
{
	while (members.n > 0)
		if (ss_same(take_until(&members, ','), name))
			return true;
	return false;
}

static bool has_group(const struct image_user *u, uint32_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return false;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a;
	const uint32_t y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int find_groups_of(struct accounts *a, struct ss_span name, struct image_user *u,
			  struct ss_err *err)
{
	struct ss_span f[GROUP_FIELDS];
	uint32_t gid;

	while (next_line(a, f)) {
		if (!lists(f[3], name) || !read_number(f[2], &gid) || has_group(u, gid))
			continue;
		if (u->n_groups == MC_MAX_GROUPS)
			return ss_fail(err, SS_ELIMIT, "'%s' is in more than %u groups",
				       SS_SHOW(name), MC_MAX_GROUPS);
		if (check_id("supplementary group", gid, err) < 0)
			return -1;
		u->groups[u->n_groups++] = gid;
	}
	ss_sort(u->groups, u->n_groups, sizeof(u->groups[0]), by_value);
	return 0;
}

/* A number need not be in the file; *known says whether it, or the name, is. */
static int find_user(struct accounts *passwd, struct ss_span who, struct passwd *ret, bool *known,
		     struct ss_err *err)
{
	static const struct ss_span root = { (const uint8_t *)"0", 1 };
	struct passwd p = { 0 };

	who = who.n == 0 ? root : who;
	*known = find_passwd(passwd, who, &p);
	if (!*known && !is_numeric(who))
		return ss_fail(err, SS_EINPUT, "no user '%s' in the image's /etc/passwd",
			       SS_SHOW(who));
	if (!*known && !read_number(who, &p.uid))
		return ss_fail(err, SS_ELIMIT, "user %s; an enclave has ids up to %u", SS_SHOW(who),
			       MC_ID_MAX);
	*ret = p;
	return 0;
}

static int resolve(struct accounts *passwd, struct accounts *group, struct ss_span text,
		   struct image_user *u, struct ss_err *err)
{
	const bool has_colon = text.n > 0 && memchr(text.p, ':', text.n) != NULL;
	const struct ss_span who = take_until(&text, ':');
	struct passwd p;
	bool known;

	if (has_colon && text.n == 0)
		return ss_fail(err, SS_EINPUT, "no group after the ':'");
	if (find_user(passwd, who, &p, &known, err) < 0)
		return -1;
	u->uid = p.uid;
	u->gid = p.gid;
	if (has_colon && find_group(group, text, &u->gid, err) < 0)
		return -1;
	if (!has_colon && known && find_groups_of(group, p.name, u, err) < 0)
		return -1;
	if (check_id("user", u->uid, err) < 0 || check_id("group", u->gid, err) < 0)
		return -1;
	return 0;
}

int image_user_resolve(const struct tree *t, const char *text, struct image_user *ret,
		       struct ss_err *err)
{
	const char *user = text != NULL ? text : "";
	struct accounts passwd = { 0 };
	struct accounts group = { 0 };
	struct image_user u = { 0 };
	int rc = load(t, "etc/passwd", &passwd, err);

	if (rc == 0)
		rc = load(t, "etc/group", &group, err);
	if (rc == 0)
		rc = resolve(&passwd, &group,
			     (struct ss_span){ (const uint8_t *)user, strlen(user) }, &u, err);
	free(passwd.p);
	free(group.p);
	if (rc < 0)
		return ss_ctx(err, "user '%s'",
			      SS_SHOW(((struct ss_span){ (const uint8_t *)user, strlen(user) })));
	*ret = u;
	return 0;
}
