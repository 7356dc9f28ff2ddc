/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "fmt/json.h"
#include "hermetic/sup.h"
#include "hermetic/supervise.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MS INT64_C(1000000)

/* --- the clock -------------------------------------------------------------------------------- */

static struct sup_clock frozen(void)
{
	const struct hm_view v = { .clock_frozen = hm_num(1000) };
	struct sup_clock c;

	sup_clock_init(&v, &c);
	return c;
}

static void a_frozen_clock_stands(void **state)
{
	struct sup_clock c = frozen();
	struct sup_task t = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(sup_clock_read(&c, &t), 1000 * SUP_SECOND);
}

static void it_moves_when_somebody_slept_and_once_for_two_side_by_side(void **state)
{
	struct sup_clock c = frozen();
	struct sup_task a = { 0 }, b = { 0 };
	const int64_t from = sup_clock_now(&c);

	(void)state;
	sup_clock_slept(&c, &a, from, 2 * SUP_SECOND);
	sup_clock_slept(&c, &b, from, 2 * SUP_SECOND + 5);
	sup_clock_slept(&c, &b, from, SUP_SECOND);
	assert_int_equal(sup_clock_now(&c), 1002 * SUP_SECOND + 5);
	sup_clock_slept(&c, &a, INT64_MAX - 1, INT64_MAX);
	sup_clock_slept(&c, &a, from, -5);
	assert_int_equal(sup_clock_now(&c), 1002 * SUP_SECOND + 5);
}

static void short_sleeps_move_nothing_until_somebody_waits_for_the_clock(void **state)
{
	struct sup_clock c = frozen();
	struct sup_task t = { 0 };
	unsigned rounds = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		sup_clock_slept(&c, &t, c.now, MS);
	assert_int_equal(sup_clock_now(&c), 1000 * SUP_SECOND);
	t = (struct sup_task){ 0 };
	while (sup_clock_read(&c, &t) < 1010 * SUP_SECOND && rounds < 1000) {
		sup_clock_slept(&c, &t, c.now, 100 * MS);
		rounds++;
	}
	assert_int_equal(rounds, 100); /* as it would be with a clock that runs */
}

static void a_loop_of_programs_that_sleep_and_ask_goes_on_too(void **state)
{
	struct sup_clock c = frozen();
	struct sup_task sh = { 0 };
	unsigned rounds = 0;
	int64_t now;

	(void)state;
	do {
		struct sup_task date = { 0 }, sleep = { 0 };

		now = sup_clock_read(&c, &date);
		sup_clock_inherit(&c, &sh, &date);
		sup_clock_slept(&c, &sleep, c.now, 100 * MS);
		sup_clock_inherit(&c, &sh, &sleep);
	} while (now < 1002 * SUP_SECOND && ++rounds < 1000);
	assert_in_range(rounds, 20, 22);
}

static void one_that_only_asks_gets_there_as_well(void **state)
{
	struct sup_clock c = frozen();
	struct sup_task t = { 0 };
	unsigned reads = 0;

	(void)state;
	while (sup_clock_read(&c, &t) < 1002 * SUP_SECOND && reads < 1000000)
		reads++;
	assert_in_range(reads, 100000, 140000);
}

static void a_deadline_keeps_its_distance(void **state)
{
	const struct hm_view moved = { .clock_offset = hm_num(-1000) };
	struct sup_clock c = frozen();
	struct timespec ts;
	int64_t real, want;

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
	want = (ts.tv_sec + 60) * SUP_SECOND;
	real = sup_clock_true(&c, 1060 * SUP_SECOND);
	assert_in_range(real, want, want + 3600 * SUP_SECOND);
	assert_int_equal(sup_clock_true(&c, INT64_MIN / 2), 0);
	sup_clock_init(&moved, &c);
	assert_int_equal(sup_clock_true(&c, 5 * SUP_SECOND), 1005 * SUP_SECOND);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void a_programs_clock_begins_at_a_full_second_and_never_goes_back(void **state)
{
	const int64_t begin = 100 * SUP_SECOND + 5;
	int64_t at = 0;

	(void)state;
	assert_int_equal(sup_mono_tell(&at, begin), 102 * SUP_SECOND);
	assert_int_equal(sup_mono_tell(&at, begin + 1900 * MS), 102 * SUP_SECOND);
	assert_int_equal(sup_mono_tell(&at, 102 * SUP_SECOND - 1), 102 * SUP_SECOND);
	assert_int_equal(sup_mono_tell(&at, 102 * SUP_SECOND + 1), 102 * SUP_SECOND + 1);
	assert_int_equal(sup_mono_tell(&at, 109 * SUP_SECOND), 109 * SUP_SECOND);
	at = 0;
	assert_int_equal(sup_mono_tell(&at, 101 * SUP_SECOND), 103 * SUP_SECOND);
}

static void sleeps_move_a_programs_clock_while_it_stands(void **state)
{
	int64_t now = 100 * SUP_SECOND, at = 0;

	(void)state;
	(void)sup_mono_tell(&at, now);
	/* Two side by side, the second begins with the first. */
	sup_mono_reach(&at, 102 * SUP_SECOND + 500 * MS, now + 500 * MS);
	sup_mono_reach(&at, 102 * SUP_SECOND + 300 * MS, now + 500 * MS);
	assert_int_equal(sup_mono_tell(&at, now + 500 * MS), 102 * SUP_SECOND + 500 * MS);
	/* Who wakes before its time gets nobody further ahead than it was at first. */
	sup_mono_reach(&at, 104 * SUP_SECOND, now + 501 * MS);
	assert_int_equal(sup_mono_tell(&at, now + 501 * MS), 102 * SUP_SECOND + 500 * MS);
	/* Once it is the true one it stays that. */
	now = 110 * SUP_SECOND;
	assert_int_equal(sup_mono_tell(&at, now), now);
	sup_mono_reach(&at, now + SUP_SECOND, now);
	assert_int_equal(sup_mono_tell(&at, now), now);
}

static uint32_t number_of(const char *path)
{
	return sup_inode_of(path, strlen(path));
}

static void an_inode_number_is_made_of_the_path(void **state)
{
	char path[SUP_PATH_BYTES] = "/usr/lib/";
	const size_t dir = strlen(path);
	char top[SUP_PATH_BYTES] = "/";

	(void)state;
	assert_int_equal(number_of("/etc/passwd"), 207703584);
	assert_int_equal(number_of("/"), 1307989525);
	assert_int_equal(sup_inode_entry(path, dir, "a", 2, 5), number_of("/usr/lib/a"));
	assert_int_equal(sup_inode_entry(path, dir, "abc", 1, 5), number_of("/usr/lib/a"));
	assert_int_equal(sup_inode_entry(path, dir, ".", 2, 5), number_of("/usr/lib"));
	assert_int_equal(sup_inode_entry(path, dir, "..", 3, 5), number_of("/usr"));
	assert_int_equal(sup_inode_entry(path, 5, "..", 3, 5), number_of("/"));
	assert_int_equal(sup_inode_entry(top, 1, "a", 2, 5), number_of("/a"));
	assert_int_equal(sup_inode_entry(top, 1, ".", 2, 5), number_of("/"));
	assert_int_equal(sup_inode_entry(top, 1, "..", 3, 5), number_of("/"));
	/* No room: the true one. */
	assert_int_equal(sup_inode_entry(path, SUP_PATH_BYTES - 3, "abc", 4, 5), 5);
}

static void names_of_a_hard_link_have_one_number_and_the_table_of_them_an_end(void **state)
{
	char path[SUP_PATH_BYTES] = "/";

	(void)state;
	assert_int_equal(sup_inode_linked(7, 100), 100);
	assert_int_equal(sup_inode_linked(7, 200), 100);
	assert_int_equal(sup_inode_entry(path, 1, "any", 4, 7), 100);
	assert_int_equal(sup_inode_entry(path, 1, ".", 2, 8), number_of("/"));
	for (uint32_t i = 1000; i < 100000; i++)
		assert_int_equal(sup_inode_linked(i, i), i);
	assert_int_equal(sup_inode_linked(99999, 1), 1); /* it was full */
	assert_int_equal(sup_inode_linked(1000, 1), 1000);
	assert_int_equal(sup_inode_linked(7, 1), 100);
}

static void who_was_made_when_by_whom_is_all_that_a_key_knows(void **state)
{
	struct sup_task a = { .tid = 7, .key = { 1 } }, b = { .tid = 99, .key = { 1 } };
	struct sup_task a1 = { .tid = 8 }, a2 = { .tid = 9 }, b1 = { .tid = 100 };
	uint8_t x[100], y[100];

	(void)state;
	sup_task_derive(&a, &a1);
	sup_task_derive(&a, &a2);
	sup_task_derive(&b, &b1);
	assert_memory_equal(a1.key, b1.key, HM_KEY);
	assert_memory_not_equal(a1.key, a2.key, HM_KEY);
	sup_task_random(&a1, x, sizeof(x));
	sup_task_random(&b1, y, sizeof(y));
	assert_memory_equal(x, y, sizeof(x));
	sup_task_random(&b1, y, sizeof(y));
	assert_memory_not_equal(x, y, sizeof(x));
}

static void tasks_are_found_whatever_their_numbers(void **state)
{
	struct sup_tasks all = { .n = 0 };

	(void)state;
	for (pid_t i = 1; i < 5000; i++)
		sup_task_get(&all, i * 3)->made = (uint64_t)i;
	assert_int_equal(all.n, 4999);
	for (pid_t i = 1; i < 5000; i++)
		assert_int_equal(sup_task_find(&all, i * 3)->made, i);
	assert_null(sup_task_find(&all, 1));
	for (pid_t i = 1; i < 5000; i++)
		sup_task_drop(&all, i * 3);
	sup_task_drop(&all, 3);
	assert_int_equal(all.n, 0);
}

/* --- who the step is -------------------------------------------------------------------------- */

static void who_it_is_travels_in_two_words(void **state)
{
	static const char *const ids[] = { "0:0:", "1000:100:5", "1:2:3,4,4294967294" };
	static const char caps[] = "a80425fb:0:ffffffffffffffff:1:0";

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(ids); i++) {
		AUTO_BUF struct ss_buf a = SS_BUF_INIT(1024);
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
		struct sup_who w;
		struct ss_err err = { 0 };

		expect_ok(hm_who_read(ids[i], caps, &w, &err), &err);
		hm_who_write(&w, &a, &b);
		assert_int_equal(a.n, strlen(ids[i]));
		assert_memory_equal(a.p, ids[i], a.n);
		assert_int_equal(b.n, strlen(caps));
		assert_memory_equal(b.p, caps, b.n);
	}
}

static void other_words_are_refused(void **state)
{
	static const char *const ids[] = {
		"",      "0",    "0:0", "0:0:,",         "0:0:1,",   "0:0:1 ",
		"-1:0:", "0:a:", ":0:", "4294967295:0:", "0:0:1,,2", "18446744073709551616:0:"
	};
	static const char *const caps[] = { "",
					    "0",
					    "0:0:0:0",
					    "0:0:0:0:",
					    "0:0:0:0:0:0",
					    "0:0:0:0:G",
					    "0:0:0:0:A",
					    "10000000000000000:0:0:0:0" };
	struct sup_who w;

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(ids); i++) {
		struct ss_err err = { 0 };
		char want[128];

		(void)snprintf(want, sizeof(want), "not the ids of a step: '%s'", ids[i]);
		expect_fails(hm_who_read(ids[i], "0:0:0:0:0", &w, &err), &err, SS_EINPUT, want);
	}
	for (size_t i = 0; i < SS_NELEMS(caps); i++) {
		struct ss_err err = { 0 };
		char want[128];

		(void)snprintf(want, sizeof(want), "not the capabilities of a step: '%s'", caps[i]);
		expect_fails(hm_who_read("0:0:", caps[i], &w, &err), &err, SS_EINPUT, want);
	}
}

static json_t *bundle(const char *process)
{
	return json_pack("{s:o,s:[]}", "process", json_loads(process, 0, NULL), "mounts");
}

static void the_supervisor_comes_before_the_step(void **state)
{
	AUTO_JSON json_t *j = bundle(
		"{\"user\":{\"uid\":1000,\"gid\":100,\"additionalGids\":[5,6],\"umask\":18},"
		"\"args\":[\"sh\",\"-c\",\"x\"],\"capabilities\":{\"bounding\":[\"CAP_CHOWN\","
		"\"CAP_FUTURE\"],\"ambient\":[\"CAP_CHECKPOINT_RESTORE\"]}}");
	AUTO_JSON json_t *args =
		json_loads("[\"/dev/.selfsame/"
			   "step\",\"1000:100:5,6\",\"1:0:0:0:10000000000\",\"set\",\"--\",\"sh\","
			   "\"-c\",\"x\"]",
			   0, NULL);
	const json_t *process = json_object_get(j, "process");
	const json_t *caps, *user;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(hermetic_supervise(j, "/b/s", &err), &err);
	assert_true(json_equal(json_object_get(process, "args"), args));
	user = json_object_get(process, "user");
	assert_int_equal(json_integer_value(json_object_get(user, "uid")), 0);
	assert_int_equal(json_integer_value(json_object_get(user, "gid")), 0);
	assert_int_equal(json_integer_value(json_object_get(user, "umask")), 18);
	caps = json_object_get(process, "capabilities");
	assert_null(json_object_get(caps, "ambient"));
	assert_string_equal(json_string_value(json_array_get(json_object_get(caps, "bounding"), 0)),
			    "CAP_CHOWN");
	assert_int_equal(json_array_size(json_object_get(caps, "bounding")), 8);
	/* Nothing is gained when it begins: else the step's addresses would be random. */
	assert_true(
		json_equal(json_object_get(caps, "effective"), json_object_get(caps, "bounding")));
	assert_true(
		json_equal(json_object_get(caps, "permitted"), json_object_get(caps, "bounding")));
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(j, "mounts"), 0), "source")),
			    "/b/s");
}

static void a_bundle_that_cannot_be_supervised_is_refused(void **state)
{
	static const struct {
		const char *process, *msg;
	} cases[] = {
		{ "{\"user\":{\"uid\":-1}}", "the bundle's user has no such id" },
		{ "{\"user\":{\"gid\":4294967295}}", "the bundle's user has no such id" },
		{ "{\"user\":{\"uid\":\"0\"}}", "the bundle's user has no such id" },
		{ "{\"user\":{\"additionalGids\":[-1]}}", "the bundle's user has no such group" },
		{ "{\"user\":{}}", "the bundle's process.args is not a list of words" },
		{ "{\"user\":{},\"args\":[]}", "the bundle's process.args is not a list of words" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_JSON json_t *j = bundle(cases[i].process);
		struct ss_err err = { 0 };

		expect_fails(hermetic_supervise(j, "/b/s", &err), &err, SS_EINPUT, cases[i].msg);
	}
}

/* --- the order of folders ------------------------------------------------------------------------
 */

/* Records as the kernel writes them: number, place, size, type, name, filled up to eight bytes. */
static size_t list_names(const char *const *names, bool wide, uint8_t *p)
{
	size_t n = 0;

	for (uint64_t i = 0; names[i] != NULL; i++) {
		const size_t name_at = wide ? 19 : 18;
		const uint64_t off = 100 * (i + 1), ino = i + 1;
		const size_t len = strlen(names[i]);
		const uint16_t size = (uint16_t)((name_at + len + 2 + 7) / 8 * 8);

		memset(p + n, 0, size);
		memcpy(p + n, &ino, 8);
		memcpy(p + n + 8, &off, 8);
		memcpy(p + n + 16, &size, 2);
		p[n + (wide ? 18u : size - 1u)] = 8;
		memcpy(p + n + name_at, names[i], len);
		n += size;
	}
	return n;
}

/* "name@place " of each. */
static void shown_names(const uint8_t *p, size_t n, size_t name_at, char *ret, size_t ret_size)
{
	ret[0] = '\0';
	for (size_t at = 0; at < n;) {
		uint64_t off;
		uint16_t size;

		memcpy(&off, p + at + 8, 8);
		memcpy(&size, p + at + 16, 2);
		(void)snprintf(ret + strlen(ret), ret_size - strlen(ret), "%s@%u ",
			       (const char *)p + at + name_at, (unsigned)off);
		at += size;
	}
}

static void a_folder_is_listed_in_another_order_and_each_name_once(void **state)
{
	static const char *const names[] = { ".",       "..",    "a-file", "b",
					     "chapter", "words", "z.txt",  NULL };
	static const char *const back[] = { "z.txt",  "words", "chapter", "b",
					    "a-file", "..",    ".",       NULL };
	uint8_t p[512], q[512];
	char one[256], two[256];

	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		const size_t name_at = wide ? 19 : 18;
		const size_t n = list_names(names, wide, p);

		assert_int_equal(list_names(back, wide, q), n);
		sup_order_mix(p, n, name_at, 4711);
		shown_names(p, n, name_at, one, sizeof(one));
		/* Places stay where they were; whoever goes on from one finds the rest. */
		sup_order_mix(q, n, name_at, 4711);
		shown_names(q, n, name_at, two, sizeof(two));
		assert_string_equal(one, two);
		assert_string_equal(one, "b@100 a-file@200 words@300 z.txt@400 .@500 chapter@600 "
					 "..@700 ");
		sup_order_mix(p, n, name_at, 1);
		shown_names(p, n, name_at, two, sizeof(two));
		assert_string_not_equal(one, two);
	}
}

static void records_that_are_none_stay_as_they_are(void **state)
{
	static const char *const names[] = { "a", "b", "c", NULL };
	uint8_t p[256], was[256];
	const size_t n = list_names(names, true, p);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) { /* an end within a record */
		AUTO_FREE uint8_t *q = ss_calloc(cut + 1, 1);

		memcpy(q, p, cut);
		sup_order_mix(q, cut, 19, 4711);
		if (cut % 24 != 0)
			assert_memory_equal(q, p, cut);
	}
	p[16 + 24] = 19; /* a size without a name */
	memcpy(was, p, n);
	sup_order_mix(p, n, 19, 4711);
	assert_memory_equal(p, was, n);
	p[16 + 24] = 0;
	memcpy(was, p, n);
	sup_order_mix(p, n, 19, 4711);
	assert_memory_equal(p, was, n);
}

/* --- what the listener is told ---------------------------------------------------------------- */

static void who_may_be_answered_for_is_told_by_its_rights(void **state)
{
	const struct hm_view with = { .clock_frozen = hm_num(1), .stat = hm_num(1) };
	const struct hm_view without = { .clock_frozen = hm_num(1) };
	const struct sup_who root = { .effective = 2 }; /* CAP_DAC_OVERRIDE */
	const struct sup_who weak = { .effective = UINT64_MAX - 2 };
	const struct sup_who user = { .uid = 1000, .effective = UINT64_MAX };
	const unsigned answers = sup_notify_can(&without, &root);

	(void)state;
#ifndef __x86_64__
	assert_int_equal(answers, 0);
#endif
	if (answers == 0) { /* a kernel that has no listener has none for anybody */
		assert_int_equal(sup_notify_can(&with, &root), 0);
		return;
	}
	assert_int_equal(answers, SUP_NOTIFY);
	assert_int_equal(sup_notify_can(&with, &root), SUP_NOTIFY | SUP_NOTIFY_STAT);
	assert_int_equal(sup_notify_can(&with, &weak), SUP_NOTIFY);
	assert_int_equal(sup_notify_can(&with, &user), SUP_NOTIFY);
}

static void calls_are_known_by_their_numbers(void **state)
{
	static const struct {
		int nr;
		enum sup_call call;
		bool tells;
	} cases[] = {
		{ SYS_fstat, SUP_FSTAT, true },
		{ SYS_newfstatat, SUP_NEWFSTATAT, true },
		{ SYS_statx, SUP_STATX, true },
		{ SYS_getrandom, SUP_GETRANDOM, true },
		{ SYS_clock_gettime, SUP_CLOCK_GETTIME, true },
		{ SYS_futex, SUP_FUTEX, false }, /* a signal ends it with EINTR, as ever */
		{ SYS_chroot, SUP_ROOT, false },
		{ SYS_setns, SUP_ODD, false },
		{ SYS_read, SUP_NONE, false },
		{ -1, SUP_NONE, false },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		assert_int_equal(sup_filter_call(cases[i].nr), cases[i].call);
		assert_int_equal(sup_filter_tells(cases[i].call), cases[i].tells);
	}
}

static void who_is_odd_makes_odd_ones(void **state)
{
	struct sup_task odd = { .tid = 7, .odd = true, .loader = 4096 }, plain = { .tid = 8 };
	struct sup_task a = { .tid = 9 }, b = { .tid = 10 };

	(void)state;
	sup_task_derive(&odd, &a);
	sup_task_derive(&plain, &b);
	assert_true(a.odd);
	assert_int_equal(a.loader, 4096);
	assert_false(b.odd);
	/* Nothing is answered for it, whatever it asks. */
	{
		const struct hm_view v = { .clock_frozen = hm_num(1), .stat = hm_num(1) };
		struct sup s = { .view = &v, .proc = -1 };
		int64_t ret = 7;

		assert_false(sup_stat_answer(&s, &a, SUP_STAT, &ret));
		assert_false(sup_stat_answer(&s, &b, SUP_STAT, &ret)); /* no /proc either */
		assert_int_equal(ret, 7);
	}
}

static void a_loader_is_learnt_each_place_once_and_not_without_end(void **state)
{
	struct sup_tsc_sites all = { .n = 0 };

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 10; i++)
			sup_tsc_learn(&all, i * 100, 0x310f);
	assert_int_equal(all.n, 10);
	sup_tsc_learn(&all, 0, 0x99310f); /* of another loader */
	assert_int_equal(all.n, 11);
	for (uint64_t i = 0; i < 1000; i++)
		sup_tsc_learn(&all, i, 1);
	assert_int_equal(all.n, SS_NELEMS(all.v));
	assert_int_equal(all.v[9].at, 900);
}

/* Lines as the kernel writes them. */
static void who_asks_is_told_by_where_it_stands(void **state)
{
	static const struct {
		const char *line;
		uint64_t at;
		bool there;
		const char *path;
	} cases[] = {
		{ "1000-2000 r-xp 00000000 00:1f 12   /usr/lib/ld-linux-x86-64.so.2", 0x1000, true,
		  "/usr/lib/ld-linux-x86-64.so.2" },
		{ "1000-2000 r-xp 00000000 00:1f 12   /bin/a b", 0x1fff, true, "/bin/a b" },
		{ "1000-2000 r-xp 00000000 00:1f 12   /bin/a", 0x2000, false, "" },
		{ "1000-2000 r-xp 00000000 00:1f 12   /bin/a", 0xfff, false, "" },
		{ "7ffff7fc9000-7ffff7fcd000 r--p 00000000 00:00 0   [vvar]", 0x7ffff7fca000, true,
		  "" },
		{ "7ffff7fc9000-7ffff7fcd000 rw-p 00000000 00:00 0 ", 0x7ffff7fca000, true, "" },
		{ "1000-2000", 0x1000, false, "" },
		{ "1000", 0x1000, false, "" },
		{ "-2000 r-xp /x", 0x1000, false, "" },
		{ "", 0, false, "" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const char *path = "?";

		assert_int_equal(sup_level_line(cases[i].line, cases[i].at, &path), cases[i].there);
		assert_string_equal(path, cases[i].path);
	}
}

/* musl's is the program's C library, too, and asks for whoever asks it. */
static void only_a_loader_that_is_nothing_else_is_one(void **state)
{
	static const char *const yes[] = {
		"/lib64/ld-linux-x86-64.so.2", "/usr/lib/ld-linux-aarch64.so.1",
		"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 (deleted)",
		"/lib/x86_64-linux-gnu/ld-2.31.so"
	};
	static const char *const no[] = { "",
					  "/lib/ld-musl-x86_64.so.1",
					  "/usr/bin/ld",
					  "/usr/bin/ld-wrapper",
					  "/ld-linux-x86-64.so.2/libc.so.6",
					  "/usr/lib/x86_64-linux-gnu/libc.so.6",
					  "[vdso]" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(yes); i++)
		assert_true(sup_level_is_loader(yes[i]));
	for (size_t i = 0; i < SS_NELEMS(no); i++)
		assert_false(sup_level_is_loader(no[i]));
}

/* This program is no loader; one that has gone may have been anybody. */
static void whoever_is_not_known_counts(void **state)
{
	struct sup s = { .level_fd = -1 };
	const struct sup_task here = { .tid = getpid(), .ip = (uint64_t)(uintptr_t)&open };
	const struct sup_task gone = { .tid = -1, .ip = 1 };

	(void)state;
	sup_level_told(&s, &here);
	assert_true(s.told);
	s.told = false;
	sup_level_told(&s, &gone);
	assert_true(s.told);
}

static void the_builder_reads_what_the_level_was(void **state)
{
	char text[16] = "";
	struct sup s = { .told = false };

	(void)state;
	s.level_fd = memfd_create("level", MFD_CLOEXEC);
	assert_true(s.level_fd >= 0);
	sup_level_end(&s);
	assert_int_equal(pread(s.level_fd, text, sizeof(text), 0), 6);
	assert_string_equal(text, "light\n");
	assert_int_equal(ftruncate(s.level_fd, 0), 0);
	assert_int_equal(lseek(s.level_fd, 0, SEEK_SET), 0);
	s.told = true;
	memset(text, 0, sizeof(text));
	sup_level_end(&s);
	assert_int_equal(pread(s.level_fd, text, sizeof(text), 0), 5);
	assert_string_equal(text, "full\n");
	(void)close(s.level_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_is_listed_in_another_order_and_each_name_once),
		cmocka_unit_test(records_that_are_none_stay_as_they_are),
		cmocka_unit_test(a_frozen_clock_stands),
		cmocka_unit_test(it_moves_when_somebody_slept_and_once_for_two_side_by_side),
		cmocka_unit_test(short_sleeps_move_nothing_until_somebody_waits_for_the_clock),
		cmocka_unit_test(a_loop_of_programs_that_sleep_and_ask_goes_on_too),
		cmocka_unit_test(one_that_only_asks_gets_there_as_well),
		cmocka_unit_test(a_deadline_keeps_its_distance),
		cmocka_unit_test(a_programs_clock_begins_at_a_full_second_and_never_goes_back),
		cmocka_unit_test(sleeps_move_a_programs_clock_while_it_stands),
		cmocka_unit_test(an_inode_number_is_made_of_the_path),
		cmocka_unit_test(names_of_a_hard_link_have_one_number_and_the_table_of_them_an_end),
		cmocka_unit_test(who_was_made_when_by_whom_is_all_that_a_key_knows),
		cmocka_unit_test(tasks_are_found_whatever_their_numbers),
		cmocka_unit_test(who_it_is_travels_in_two_words),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(the_supervisor_comes_before_the_step),
		cmocka_unit_test(a_bundle_that_cannot_be_supervised_is_refused),
		cmocka_unit_test(who_may_be_answered_for_is_told_by_its_rights),
		cmocka_unit_test(calls_are_known_by_their_numbers),
		cmocka_unit_test(who_is_odd_makes_odd_ones),
		cmocka_unit_test(a_loader_is_learnt_each_place_once_and_not_without_end),
		cmocka_unit_test(who_asks_is_told_by_where_it_stands),
		cmocka_unit_test(only_a_loader_that_is_nothing_else_is_one),
		cmocka_unit_test(whoever_is_not_known_counts),
		cmocka_unit_test(the_builder_reads_what_the_level_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
