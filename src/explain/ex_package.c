/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_package.h"

#include "base/mem.h"
#include "base/sort.h"
#include "base/text.h"

#define PACKAGES_MAX 65536u
#define FILES_MAX (1u << 18)
#define LINES_MAX 1024u /* of one path; of those that more packages share nothing is told */
#define BYTES_MAX ((uint64_t)32 << 20) /* of all databases that are held */
#define NAME_MAX_N 255u
#define SUM 32u /* digits of an MD5 */
#define STATUS "var/lib/dpkg/status"
#define INFO "var/lib/dpkg/info/"

/* A stanza of the status. */
struct row {
	struct ss_span name;
	struct ss_span arch;
	struct ss_span version;
	uint32_t no;
};

struct rows {
	struct row *v;
	size_t n;
	size_t cap;
};

enum source { LISTED_A, LISTED_B, SUM_A, SUM_B };

/* A line of a package's list or sums. */
struct owned {
	struct ss_span path;
	const uint8_t *sum; /* SUM digits */
	uint32_t package;
	uint32_t no;
	enum source source;
};

struct ex_packages {
	const char *prefix;  /* before each name: "rootfs/" in a ramdisk; static */
	struct ss_buf *kept; /* what the spans point into */
	size_t n_kept;
	uint64_t left;        /* of BYTES_MAX */
	struct ex_package *v; /* by name, then architecture */
	size_t n;
	struct owned *files; /* by path, then source, then package */
	size_t n_files;
};

static void rows_done(struct rows *r)
{
	free(r->v);
}

void ex_packages_free(struct ex_packages *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_kept; i++)
		ss_buf_done(&p->kept[i]);
	free(p->kept);
	free(p->v);
	free(p->files);
	free(p);
}

static void packages_freep(struct ex_packages **p)
{
	ex_packages_free(*p);
}

static int by_bytes(struct ss_span a, struct ss_span b)
{
	const size_t n = a.n < b.n ? a.n : b.n;
	const int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

/* Takes a line off *s. */
static struct ss_span take_line(struct ss_span *s)
{
	const uint8_t *end = memchr(s->p, '\n', s->n);
	const size_t n = end != NULL ? (size_t)(end - s->p) : s->n;
	const size_t skip = n + (end != NULL);
	const struct ss_span line = { s->p, n };

	*s = (struct ss_span){ s->p + skip, s->n - skip };
	return line;
}

/* --- files of a list ----------------------------------------------------------------------------
 */

static const struct ex_entry *find_file(const struct ex_list *l, struct ss_span name)
{
	size_t from = 0;

	for (size_t n = l->n; n > 0;) {
		const size_t half = n / 2;

		if (by_bytes(ex_name(l, &l->v[from + half]), name) < 0) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	if (from == l->n || !ss_same(ex_name(l, &l->v[from]), name) ||
	    ex_type(&l->v[from]) != CPIO_REG)
		return NULL;
	return &l->v[from];
}

/* Empty if it is not there or too large: then it tells nothing. Held until the end. */
static int load(struct ex_packages *p, const struct ex_list *l, struct ss_span name,
		struct ss_span *ret, struct ss_err *err)
{
	const struct ex_entry *e = find_file(l, name);
	struct ex_bytes body;
	struct ss_buf *b;

	*ret = (struct ss_span){ NULL, 0 };
	if (e == NULL || e->n == 0 || e->n > p->left)
		return 0;
	body = ex_body(l, e);
	p->kept = ss_reallocarray(p->kept, p->n_kept + 1, sizeof(*p->kept));
	b = &p->kept[p->n_kept++];
	*b = (struct ss_buf)SS_BUF_INIT((size_t)e->n);
	b->p = ss_calloc((size_t)e->n, 1);
	b->cap = b->n = (size_t)e->n;
	p->left -= e->n;
	if (ex_read(&body, 0, b->p, b->n, err) < 0)
		return -1;
	*ret = ss_buf_span(b);
	return 0;
}

static int load_named(struct ex_packages *p, const struct ex_list *l, const struct ex_package *of,
		      const char *kind, bool with_arch, struct ss_span *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf name = SS_BUF_INIT(1024);

	ss_buf_put(&name, ss_text(p->prefix));
	ss_buf_put(&name, ss_text(INFO));
	ss_buf_put(&name, of->name);
	if (with_arch) {
		ss_buf_put(&name, ss_text(":"));
		ss_buf_put(&name, of->arch);
	}
	ss_buf_put(&name, ss_text(kind));
	return load(p, l, ss_buf_span(&name), ret, err);
}

/* Packages that several architectures may have at once are noted with theirs. */
static int load_note(struct ex_packages *p, const struct ex_list *l, const struct ex_package *of,
		     const char *kind, struct ss_span *ret, struct ss_err *err)
{
	if (load_named(p, l, of, kind, true, ret, err) < 0)
		return -1;
	return ret->n > 0 ? 0 : load_named(p, l, of, kind, false, ret, err);
}

/* --- what changed -------------------------------------------------------------------------------
 */

static int by_package(const void *x, const void *y)
{
	const struct row *a = x;
	const struct row *b = y;
	int c = by_bytes(a->name, b->name);

	c = c != 0 ? c : by_bytes(a->arch, b->arch);
	return c != 0 ? c : (a->no > b->no) - (a->no < b->no);
}

static void end_stanza(struct rows *to, struct row *row)
{
	if (row->name.n > 0 && row->name.n <= NAME_MAX_N && row->arch.n <= NAME_MAX_N &&
	    row->version.n > 0 && to->n < PACKAGES_MAX) {
		if (to->n == to->cap) {
			to->cap = to->cap > 0 ? to->cap * 2 : 256;
			to->v = ss_reallocarray(to->v, to->cap, sizeof(*to->v));
		}
		row->no = (uint32_t)to->n;
		to->v[to->n++] = *row;
	}
	*row = (struct row){ 0 };
}

/* What follows `key` in a line that begins so. */
static void take_field(struct ss_span line, const char *key, struct ss_span *ret)
{
	const size_t n = strlen(key);

	if (ss_begins(line, key))
		*ret = (struct ss_span){ line.p + n, line.n - n };
}

static void read_status(struct ss_span s, struct rows *ret)
{
	struct row row = { 0 };

	while (s.n > 0) {
		const struct ss_span line = take_line(&s);

		if (line.n == 0)
			end_stanza(ret, &row);
		take_field(line, "Package: ", &row.name);
		take_field(line, "Architecture: ", &row.arch);
		take_field(line, "Version: ", &row.version);
	}
	end_stanza(ret, &row);
	if (ret->n > 0)
		ss_sort(ret->v, ret->n, sizeof(*ret->v), by_package);
}

static void find_changed(struct ex_packages *p, const struct rows *a, const struct rows *b)
{
	static const struct ss_span none = { NULL, 0 };

	p->v = ss_calloc(a->n + b->n + 1, sizeof(*p->v));
	for (size_t i = 0, j = 0; i < a->n || j < b->n;) {
		struct row x = { 0 };
		struct row y = { 0 };
		int c = i == a->n ? 1 : -1;

		if (i < a->n)
			x = a->v[i];
		if (j < b->n)
			y = b->v[j];
		x.no = y.no = 0;
		if (i < a->n && j < b->n)
			c = by_package(&x, &y);
		if (c != 0 || !ss_same(x.version, y.version))
			p->v[p->n++] = (struct ex_package){ .name = c <= 0 ? x.name : y.name,
							    .arch = c <= 0 ? x.arch : y.arch,
							    .a = c <= 0 ? x.version : none,
							    .b = c >= 0 ? y.version : none };
		i += c <= 0;
		j += c >= 0;
	}
}

/* --- what they brought --------------------------------------------------------------------------
 */

static int by_path(const void *x, const void *y)
{
	const struct owned *a = x;
	const struct owned *b = y;
	const int c = by_bytes(a->path, b->path);

	if (c != 0)
		return c;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	if (a->package != b->package)
		return a->package < b->package ? -1 : 1;
	return (a->no > b->no) - (a->no < b->no);
}

static void add_file(struct ex_packages *p, const struct owned *o)
{
	if (o->path.n == 0 || p->n_files == FILES_MAX)
		return;
	if ((p->n_files & (p->n_files - 1)) == 0) /* it doubles at each power of two */
		p->files = ss_reallocarray(p->files, p->n_files > 0 ? p->n_files * 2 : 1,
					   sizeof(*p->files));
	p->files[p->n_files] = *o;
	p->files[p->n_files].no = (uint32_t)p->n_files;
	p->n_files++;
}

/* "/usr/bin/x", a line each. */
static void add_list(struct ex_packages *p, uint32_t package, enum source source, struct ss_span s)
{
	while (s.n > 0) {
		const struct ss_span line = take_line(&s);

		if (line.n > 1 && line.p[0] == '/')
			add_file(p, &(struct owned){ .path = { line.p + 1, line.n - 1 },
						     .package = package,
						     .source = source });
	}
}

/* 32 digits, two spaces, "usr/bin/x". */
static void add_sums(struct ex_packages *p, uint32_t package, enum source source, struct ss_span s)
{
	while (s.n > 0) {
		const struct ss_span line = take_line(&s);

		if (line.n > SUM + 2 && line.p[SUM] == ' ' && line.p[SUM + 1] == ' ')
			add_file(p, &(struct owned){ .path = { line.p + SUM + 2, line.n - SUM - 2 },
						     .sum = line.p,
						     .package = package,
						     .source = source });
	}
}

static int add_side(struct ex_packages *p, const struct ex_list *l, bool is_a, struct ss_err *err)
{
	struct ss_span s;

	for (size_t i = 0; i < p->n; i++) {
		if ((is_a ? p->v[i].a : p->v[i].b).n == 0)
			continue;
		if (load_note(p, l, &p->v[i], ".list", &s, err) < 0)
			return -1;
		add_list(p, (uint32_t)i, is_a ? LISTED_A : LISTED_B, s);
		if (load_note(p, l, &p->v[i], ".md5sums", &s, err) < 0)
			return -1;
		add_sums(p, (uint32_t)i, is_a ? SUM_A : SUM_B, s);
	}
	return 0;
}

static const char *prefix_of(const struct ex_list *l)
{
	static const char in_ramdisk[] = "rootfs/";

	return find_file(l, ss_text("rootfs/" STATUS)) != NULL ? in_ramdisk : "";
}

int ex_packages_new(const struct ex_list *a, const struct ex_list *b, struct ex_packages **ret,
		    struct ss_err *err)
{
	SS_CLEANUP(packages_freep) struct ex_packages *p = ss_calloc(1, sizeof(*p));
	SS_CLEANUP(rows_done) struct rows x = { 0 };
	SS_CLEANUP(rows_done) struct rows y = { 0 };
	const struct ss_span status = ss_text(STATUS), in_ramdisk = ss_text("rootfs/" STATUS);
	struct ss_span s, t;
	bool packed;

	*ret = NULL;
	p->left = BYTES_MAX;
	p->prefix = prefix_of(a);
	packed = p->prefix[0] != '\0';
	if (load(p, a, packed ? in_ramdisk : status, &s, err) < 0 ||
	    load(p, b, packed ? in_ramdisk : status, &t, err) < 0)
		return -1;
	if (s.n == 0 || t.n == 0 || ss_same(s, t))
		return 0;
	read_status(s, &x);
	read_status(t, &y);
	find_changed(p, &x, &y);
	if (add_side(p, a, true, err) < 0 || add_side(p, b, false, err) < 0)
		return -1;
	if (p->n_files > 0)
		ss_sort(p->files, p->n_files, sizeof(*p->files), by_path);
	if (p->n > 0)
		*ret = TAKE_PTR(p);
	return 0;
}

/* --- asked --------------------------------------------------------------------------------------
 */

/* The first package of this name, or of none before it. */
static size_t first_of(const struct ex_packages *p, struct ss_span name)
{
	size_t from = 0;

	for (size_t n = p->n; n > 0;) {
		const size_t half = n / 2;

		if (by_bytes(p->v[from + half].name, name) < 0) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

/* dpkg's own note of a package, "libssl3:amd64.md5sums" or "openssl.list". */
static const struct ex_package *of_note(const struct ex_packages *p, struct ss_span path)
{
	const size_t skip = sizeof(INFO) - 1;
	struct ss_span arch = { NULL, 0 };
	struct ss_span name;
	const uint8_t *end;

	if (!ss_begins(path, INFO))
		return NULL;
	name = (struct ss_span){ path.p + skip, path.n - skip };
	end = memrchr(name.p, '.', name.n);
	if (end == NULL)
		return NULL;
	name.n = (size_t)(end - name.p);
	end = memchr(name.p, ':', name.n);
	if (end != NULL) {
		arch = (struct ss_span){ end + 1, name.n - (size_t)(end - name.p) - 1 };
		name.n = (size_t)(end - name.p);
	}
	for (size_t i = first_of(p, name); i < p->n && ss_same(p->v[i].name, name); i++)
		if (arch.n == 0 || ss_same(p->v[i].arch, arch))
			return &p->v[i];
	return NULL;
}

struct lines {
	const struct owned *p;
	size_t n;
};

static struct lines lines_of(const struct ex_packages *p, struct ss_span path)
{
	size_t from = 0;
	size_t n = p->n_files;

	while (n > 0) {
		const size_t half = n / 2;

		if (by_bytes(p->files[from + half].path, path) < 0) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	while (n <= LINES_MAX && from + n < p->n_files && ss_same(p->files[from + n].path, path))
		n++;
	return (struct lines){ p->files + from, n <= LINES_MAX ? n : 0 };
}

/* Takes the lines of one source off *s. */
static struct lines take_source(struct lines *s, enum source source)
{
	struct lines ret = { s->p, 0 };

	while (ret.n < s->n && s->p[ret.n].source == source)
		ret.n++;
	*s = (struct lines){ s->p + ret.n, s->n - ret.n };
	return ret;
}

/* A name that its lists have in both versions was added or removed by somebody else. */
static const struct ex_package *of_lists(const struct ex_packages *p, struct lines all)
{
	const struct lines a = take_source(&all, LISTED_A);
	const struct lines b = take_source(&all, LISTED_B);
	size_t i = 0;

	while (i < a.n && i < b.n && a.p[i].package == b.p[i].package)
		i++;
	if (i < a.n && (i == b.n || a.p[i].package < b.p[i].package))
		return &p->v[a.p[i].package];
	return i < b.n ? &p->v[b.p[i].package] : NULL;
}

static const struct ex_package *of_sums(const struct ex_packages *p, struct lines all)
{
	struct lines a, b;

	(void)take_source(&all, LISTED_A);
	(void)take_source(&all, LISTED_B);
	a = take_source(&all, SUM_A);
	b = take_source(&all, SUM_B);
	for (size_t i = 0, j = 0; i < a.n && j < b.n;) {
		const struct owned *x = &a.p[i];
		const struct owned *y = &b.p[j];

		if (x->package == y->package && memcmp(x->sum, y->sum, SUM) != 0)
			return &p->v[x->package];
		i += x->package <= y->package;
		j += x->package >= y->package;
	}
	return NULL;
}

static const struct ex_package *of_path(const struct ex_packages *p, struct ss_span path, bool body)
{
	const struct lines l = lines_of(p, path);

	return body ? of_sums(p, l) : of_lists(p, l);
}

/* Where /lib is a link to /usr/lib, packages say the one and the tree the other. */
static const struct ex_package *find(const struct ex_packages *p, struct ss_span path, bool body)
{
	const struct ex_package *found;
	size_t skip;

	if (p == NULL)
		return NULL;
	skip = strlen(p->prefix);
	if (ss_begins(path, p->prefix))
		path = (struct ss_span){ path.p + skip, path.n - skip };
	found = of_note(p, path);
	if (found == NULL && p->n_files > 0)
		found = of_path(p, path, body);
	if (found == NULL && p->n_files > 0 && ss_begins(path, "usr/"))
		found = of_path(p, (struct ss_span){ path.p + 4, path.n - 4 }, body);
	return found;
}

const struct ex_package *ex_package_of_name(const struct ex_packages *p, struct ss_span path)
{
	return find(p, path, false);
}

const struct ex_package *ex_package_of_body(const struct ex_packages *p, struct ss_span path)
{
	return find(p, path, true);
}
