/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"
#include "expect.h"
#include "io/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A folder "context" and the private folder of a job beside it, in a temporary one. */
struct place {
	struct io_private top;
	char *context;
	struct engine_request req;
	struct engine_job job;
};

static struct place *place_new(void)
{
	struct place *p = ss_calloc(1, sizeof(*p));
	struct ss_err err = { 0 };
	const char *tmp = getenv("TMPDIR");

	p->top = (struct io_private)IO_PRIVATE_NONE;
	expect_ok(io_private_new(tmp != NULL ? tmp : "/tmp", &p->top, NULL, NULL, &err), &err);
	p->context = engine_text("%s/context", p->top.path);
	assert_int_equal(mkdir(p->context, 0700), 0);
	p->job.work.path = engine_text("%s/work", p->top.path);
	assert_int_equal(mkdir(p->job.work.path, 0700), 0);
	p->req.context = p->context;
	p->job.req = &p->req;
	return p;
}

static void place_free(struct place *p)
{
	io_private_done(&p->top);
	free(p->job.work.path);
	free(p->job.context);
	free(p->context);
	free(p);
}

/* A file whose text is its own name. */
static void put(const struct place *p, const char *name, mode_t mode)
{
	AUTO_FREE char *path = engine_text("%s/%s", p->context, name);
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1234567890 } };
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, name, strlen(name)), (ssize_t)strlen(name));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(close(fd), 0);
}

static void put_dir(const struct place *p, const char *name, mode_t mode)
{
	AUTO_FREE char *path = engine_text("%s/%s", p->context, name);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void expect_file(const struct place *p, const char *name, mode_t mode)
{
	AUTO_FREE char *path = engine_text("%s/%s", p->job.context, name);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	struct stat st = { 0 };
	struct ss_err err = { 0 };

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, mode);
	if (!S_ISREG(st.st_mode))
		return;
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mtime, 1234567890);
	expect_ok(io_load_file(path, &b, &err), &err);
	assert_int_equal(b.n, strlen(name));
	assert_memory_equal(b.p, name, b.n);
}

static void context_of_a_usual_umask_is_used_where_it_lies(void **state)
{
	struct place *p = place_new();
	struct ss_err err = { 0 };

	(void)state;
	put(p, "a", 0644);
	put(p, "b", 0755);
	put_dir(p, "d", 0755);
	put(p, "d/c", 0644);
	expect_ok(engine_context(&p->job, &err), &err);
	assert_string_equal(p->job.context, p->context);
	place_free(p);
}

/* Each of these alone makes a copy. */
static void context_of_another_umask_is_copied_as_git_would_have_it(void **state)
{
	static const struct {
		mode_t file, tool, folder;
	} cases[] = {
		{ 0600, 0755, 0755 },  { 0644, 0700, 0755 },  { 0644, 0755, 0700 },
		{ 0664, 0775, 0775 },  { 0666, 0777, 0777 },  { 0640, 0750, 0750 },
		{ 0444, 0555, 0755 },  { 0644, 04755, 0755 }, { 0644, 0755, 02755 },
		{ 0644, 0755, 01777 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct place *p = place_new();
		struct ss_err err = { 0 };

		put(p, "a", cases[i].file);
		put(p, "tool", cases[i].tool);
		put_dir(p, "d", 0755);
		put(p, "d/c", cases[i].file);
		{
			AUTO_FREE char *d = engine_text("%s/d", p->context);
			AUTO_FREE char *l = engine_text("%s/d/link", p->context);

			assert_int_equal(symlink("../nowhere", l), 0);
			assert_int_equal(chmod(d, cases[i].folder), 0);
		}
		expect_ok(engine_context(&p->job, &err), &err);
		assert_string_not_equal(p->job.context, p->context);
		expect_file(p, "a", S_IFREG | 0644);
		expect_file(p, "tool", S_IFREG | 0755);
		expect_file(p, "d", S_IFDIR | 0755);
		expect_file(p, "d/c", S_IFREG | 0644);
		expect_file(p, "d/link", S_IFLNK | 0777);
		place_free(p);
	}
}

static void two_names_of_one_file_become_two_files(void **state)
{
	struct place *p = place_new();
	struct ss_err err = { 0 };
	AUTO_FREE char *a = engine_text("%s/a", p->context);
	AUTO_FREE char *b = engine_text("%s/b", p->context);
	struct stat st = { 0 };
	AUTO_FREE char *copy = NULL;

	(void)state;
	put(p, "a", 0644);
	assert_int_equal(link(a, b), 0);
	expect_ok(engine_context(&p->job, &err), &err);
	assert_string_not_equal(p->job.context, p->context);
	expect_file(p, "a", S_IFREG | 0644);
	copy = engine_text("%s/b", p->job.context);
	assert_int_equal(lstat(copy, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	place_free(p);
}

static void pipes_and_sockets_are_nobodys_source(void **state)
{
	struct place *p = place_new();
	struct ss_err err = { 0 };
	AUTO_FREE char *pipe = engine_text("%s/pipe", p->context);
	AUTO_FREE char *copy = NULL;

	(void)state;
	assert_int_equal(mkfifo(pipe, 0600), 0);
	expect_ok(engine_context(&p->job, &err), &err);
	assert_string_equal(p->job.context, p->context);
	free(TAKE_PTR(p->job.context));
	put(p, "a", 0600);
	expect_ok(engine_context(&p->job, &err), &err);
	copy = engine_text("%s/pipe", p->job.context);
	assert_int_equal(access(copy, F_OK), -1);
	place_free(p);
}

static void a_context_that_cannot_be_read_is_named(void **state)
{
	struct place *p = place_new();
	struct ss_err err = { 0 };
	AUTO_FREE char *want = engine_text("the context '%s': cannot open '%s': No such file or "
					   "directory",
					   p->context, p->context);

	(void)state;
	assert_int_equal(rmdir(p->context), 0);
	expect_fails(engine_context(&p->job, &err), &err, SS_ESYS, want);
	place_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_of_a_usual_umask_is_used_where_it_lies),
		cmocka_unit_test(context_of_another_umask_is_copied_as_git_would_have_it),
		cmocka_unit_test(two_names_of_one_file_become_two_files),
		cmocka_unit_test(pipes_and_sockets_are_nobodys_source),
		cmocka_unit_test(a_context_that_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
