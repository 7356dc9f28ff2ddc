/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doc_vary.h"

#include "doctor/doc_ext4.h"
#include "io/cache.h"

#include <assert.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static const struct doc_row rows[DOC_VARIATIONS] = {
	[DOC_TIME] = { "time", "three years later" },
	[DOC_TIME_ZONE] = { "time-zone", "TZ is Asia/Kathmandu" },
	[DOC_LOCALE] = { "locale", "LANG is tr_TR.UTF-8" },
	[DOC_UMASK] = { "umask", "the umask is 002" },
	[DOC_USER] = { "user", "a user name space of its own" },
	[DOC_HOST] = { "host", "the host is called elsewhere" },
	[DOC_DOMAIN] = { "domain", "the domain is example.net" },
	[DOC_CPUS] = { "cpus", "one processor" },
	[DOC_MEMORY] = { "memory", "2 GiB of memory" },
	[DOC_KERNEL] = { "kernel", "Linux 4.19 of another distribution" },
	[DOC_PIDS] = { "pids", "process numbers from 20000 on" },
	[DOC_ENVIRONMENT] = { "environment", "variables as a CI service sets them" },
	[DOC_PATH] = { "path-length", "PATH has 3000 bytes" },
	[DOC_BUILD_PATH] = { "build-path", "the build works in a deeper folder" },
	[DOC_FILE_SYSTEM] = { "file-system", "tmpfs beneath, which lists folders newest first" },
	[DOC_EXT4] = { "ext4", "an ext4 beneath whose seed for the order of folders is another" },
	[DOC_ORDER] = { "directory-order", "folders are listed in a shuffled order" },
	[DOC_NETWORK] = { "network-delay", "connections begin late, each by another time" },
};

const struct doc_row *doc_row(enum doc_variation v)
{
	assert(v < DOC_VARIATIONS);
	return &rows[v];
}

int doc_find(const char *name)
{
	for (int i = 0; i < DOC_VARIATIONS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}

/* --- what steps see -----------------------------------------------------------------------------
 */

#define HOST "elsewhere"
#define KERNEL "4.19.0-elsewhere"

const struct ex_known *doc_known(size_t *ret_n)
{
	static const struct ex_known known[] = {
		{ HOST, EX_ID_HOST },
		{ KERNEL, EX_ENV_MACHINE },
	};

	*ret_n = SS_NELEMS(known);
	return known;
}

#define THREE_YEARS ((int64_t)(3 * 365 * 86400 + 12345))

static void set_view(enum doc_variation v, struct hm_view *view)
{
	switch (v) {
	case DOC_TIME:
		view->clock_offset = hm_num(THREE_YEARS);
		return;
	case DOC_TIME_ZONE:
		hm_text_set(&view->tz, "Asia/Kathmandu");
		return;
	case DOC_LOCALE:
		hm_text_set(&view->locale, "tr_TR.UTF-8");
		return;
	case DOC_UMASK:
		view->umask = hm_num(2);
		return;
	case DOC_USER:
		view->user_ns = hm_num(1);
		return;
	case DOC_HOST:
		hm_text_set(&view->host, HOST);
		return;
	case DOC_DOMAIN:
		hm_text_set(&view->domain, "example.net");
		return;
	case DOC_CPUS:
		view->cpus = hm_num(1);
		return;
	case DOC_MEMORY:
		view->memory_mib = hm_num(2048);
		return;
	case DOC_KERNEL:
		hm_text_set(&view->kernel_release, KERNEL);
		hm_text_set(&view->kernel_version, "#1 SMP Elsewhere 4.19.1 (2019-01-01)");
		return;
	case DOC_PIDS:
		view->pid_base = hm_num(20000);
		return;
	case DOC_ENVIRONMENT:
		hm_view_env(view, "BUILD_NUMBER=4711");
		hm_view_env(view, "CI=true");
		hm_view_env(view, "LOGNAME=somebody");
		hm_view_env(view, "SHELL=/bin/another");
		return;
	case DOC_PATH:
		view->path_bytes = hm_num(3000);
		return;
	case DOC_ORDER:
		view->order = hm_num(4711);
		return;
	case DOC_NETWORK:
		view->connect_ms = hm_num(400);
		return;
	case DOC_BUILD_PATH:
	case DOC_FILE_SYSTEM:
	case DOC_EXT4:
	case DOC_VARIATIONS:
		return;
	}
}

/* --- where the build works ----------------------------------------------------------------------
 */

#define DEEPER "elsewhere/a-longer-way/down/to/where/the/build/works"

static bool is_on_tmpfs(const char *path)
{
	struct statfs st = { 0 };

	return statfs(path, &st) == 0 && st.f_type == TMPFS_MAGIC;
}

/* Anybody may write beside it: what is taken is ours alone. */
static int own_folder(const char *path, struct ss_err *err)
{
	struct stat st = { 0 };

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make '%s'", path);
	if (lstat(path, &st) < 0)
		return ss_fail_sys(err, "cannot look at '%s'", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return ss_fail(err, SS_ESYS, "'%s' is not ours alone", path);
	return 0;
}

/* A file system of another kind than the cache's. */
static int other_file_system(char *ret, size_t size, struct ss_err *err)
{
	AUTO_FREE char *cache = io_cache_dir("work", err);
	const char *top;

	if (cache == NULL)
		return -1;
	top = is_on_tmpfs(cache) ? "/var/tmp" : "/dev/shm";
	if (is_on_tmpfs(top) == is_on_tmpfs(cache))
		return ss_fail(err, SS_ESYS, "'%s' has the same file system as the cache", top);
	(void)snprintf(ret, size, "%s/selfsame-doctor-%u", top, (unsigned)geteuid());
	return own_folder(ret, err);
}

static int deeper(char *path, size_t size, struct ss_err *err)
{
	const char *p = DEEPER;

	while (*p != '\0') {
		const size_t n = strcspn(p, "/"), at = strlen(path);

		(void)snprintf(path + at, size - at, "/%.*s", (int)n, p);
		if (own_folder(path, err) < 0)
			return -1;
		p += n + (p[n] == '/' ? 1 : 0);
	}
	return 0;
}

uint32_t doc_beside(uint32_t vary, const char **ret_why)
{
	const uint32_t both = 1u << DOC_FILE_SYSTEM | 1u << DOC_EXT4;

	if ((vary & both) != both)
		return vary;
	*ret_why = "a build has one file system beneath, and file-system is varied: with --skip "
		   "file-system this is";
	return vary & ~(1u << DOC_EXT4);
}

/* Another file system beneath, into `path` of `size` bytes. */
static int find_file_system(uint32_t vary, const char *dir, char *path, size_t size,
			    struct ss_err *err)
{
	AUTO_FREE char *own = NULL;

	if ((vary & 1u << DOC_EXT4) == 0)
		return other_file_system(path, size, err);
	if (doc_ext4_begin(dir, &own, err) < 0)
		return -1;
	if (strlen(own) >= size)
		return ss_fail(err, SS_ELIMIT, "the path of '%.64s...' is too long", own);
	(void)snprintf(path, size, "%s", own);
	return 0;
}

static int find_work(uint32_t vary, const char *dir, char **ret, struct ss_err *err)
{
	char path[4096];

	if ((vary & (1u << DOC_BUILD_PATH | 1u << DOC_FILE_SYSTEM | 1u << DOC_EXT4)) == 0)
		return 0;
	if ((vary & (1u << DOC_FILE_SYSTEM | 1u << DOC_EXT4)) == 0) {
		*ret = io_cache_dir("work/" DEEPER, err);
		return *ret != NULL ? 0 : -1;
	}
	if (find_file_system(vary, dir, path, sizeof(path) - sizeof(DEEPER), err) < 0)
		return -1;
	if ((vary & 1u << DOC_BUILD_PATH) != 0 && deeper(path, sizeof(path), err) < 0)
		return -1;
	*ret = ss_copy(path);
	return 0;
}

int doc_conditions(uint32_t vary, const char *dir, struct hm_view *ret, char **ret_work,
		   struct ss_err *err)
{
	*ret = (struct hm_view){ 0 };
	*ret_work = NULL;
	for (int i = 0; i < DOC_VARIATIONS; i++)
		if ((vary & 1u << i) != 0)
			set_view((enum doc_variation)i, ret);
	if (find_work(vary, dir, ret_work, err) == 0)
		return 0;
	hm_view_done(ret);
	doc_conditions_end(dir);
	return -1;
}

void doc_conditions_end(const char *dir)
{
	doc_ext4_end(dir);
}
