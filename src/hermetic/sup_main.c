/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selfsame-step IDS CAPABILITIES HOME -- PROGRAM [WORD]...
 *
 * The first process of a step (sup.h), put there by selfsame-runtime. HOME is "set" if the step
 * has none of its own: then it gets the one of its user, as from any runtime; else "keep". Its
 * status is the program's,
 * 128+n for signal n, or 125 with a message if it cannot do what the view says.
 */
#include "base/mem.h"
#include "hermetic/sup.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static int load_view(struct hm_view *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
	AUTO_CLOSE int fd = open(SUP_VIEW, O_RDONLY | O_CLOEXEC);
	uint8_t part[4096];
	ssize_t n;

	if (fd < 0)
		return ss_fail_sys(err, "cannot open '" SUP_VIEW "'");
	while ((n = read(fd, part, sizeof(part))) > 0)
		ss_buf_put(&b, (struct ss_span){ part, (size_t)n });
	if (n < 0)
		return ss_fail_sys(err, "cannot read '" SUP_VIEW "'");
	if (ss_buf_check(&b, "'" SUP_VIEW "'", err) < 0)
		return -1;
	return hm_view_read(ss_buf_span(&b), ret, err);
}

static void add_text(const char *text, uint8_t key[HM_KEY])
{
	uint8_t next[HM_KEY];

	hm_chacha_mix(key, (struct ss_span){ (const uint8_t *)text, strlen(text) }, next);
	memcpy(key, next, HM_KEY);
}

/* From the lock's seed and from what runs: not where in the Dockerfile it stands, so that a step
 * that comes before it changes nothing here. */
static void derive_key(struct sup *s, char **argv)
{
	char cwd[4096];

	memcpy(s->key, s->view->seed, sizeof(s->key));
	add_text("selfsame step 1", s->key);
	add_text(getcwd(cwd, sizeof(cwd)) != NULL ? cwd : "", s->key);
	for (; *argv != NULL; argv++)
		add_text(*argv, s->key);
}

/* What the container's passwd says of the user, "/" if it says nothing. */
static int set_home(uid_t uid)
{
	const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	AUTO_FCLOSE FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	const struct passwd *p = NULL;
	struct stat st;

	if (f == NULL || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return setenv("HOME", "/", 1);
	do
		p = fgetpwent(f);
	while (p != NULL && p->pw_uid != uid);
	return setenv("HOME", p != NULL && p->pw_dir[0] != '\0' ? p->pw_dir : "/", 1);
}

static int run(int argc, char **argv, int *ret, struct ss_err *err)
{
	AUTO_VIEW struct hm_view view = { 0 };
	struct sup_who who = { 0 };
	struct sup s = { .view = &view };
	struct statx x;
	struct stat st;

	if (argc < 6 || strcmp(argv[4], "--") != 0)
		return ss_fail(err, SS_EUSAGE, "only selfsame-runtime knows how to call this");
	if (hm_who_read(argv[1], argv[2], &who, err) < 0 || load_view(&view, err) < 0)
		return -1;
	if (stat("/", &st) < 0)
		return ss_fail_sys(err, "cannot see the root folder");
	s.root_dev = st.st_dev;
	if (statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &x) == 0 && (x.stx_mask & STATX_MNT_ID) != 0)
		s.root_mount = x.stx_mnt_id;
	if (strcmp(argv[3], "set") == 0 && set_home(who.uid) < 0)
		return ss_fail_sys(err, "cannot set HOME");
	derive_key(&s, argv + 5);
	sup_clock_init(&view, &s.clock);
	/* Nobody in the step looks into this process. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return ss_fail_sys(err, "cannot hide from the step");
	sup_keys_begin(&s);
	sup_level_begin(&s);
	if (sup_masks(&s, err) < 0 || sup_start(&s, &who, argv + 5, err) < 0 ||
	    sup_loop(&s, ret, err) < 0)
		return -1;
	sup_level_end(&s);
	return *ret == 0 ? sup_keys_end(&s, err) : 0;
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };
	int status = 125;

	if (run(argc, argv, &status, &err) == 0)
		return status;
	(void)fprintf(stderr, "selfsame-step: error: %s\n", err.msg);
	return 125;
}
