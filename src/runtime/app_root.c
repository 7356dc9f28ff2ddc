/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "runtime/app.h"
#include "runtime/etc_files.h"
#include "runtime/format.h"
#include "runtime/kernel_abi.h"
#include "runtime/own_root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define GROUP_TTY 5u

/* Any directory may be meant, "." too; no link is followed, nothing outside is reached. */
static int open_dir(int below, const char *path)
{
	struct rt_open_how how = { .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				   .resolve = RT_RESOLVE_BENEATH | RT_RESOLVE_NO_SYMLINKS |
					      RT_RESOLVE_NO_MAGICLINKS };

	return (int)syscall(RT_SYS_OPENAT2, below, path, &how, sizeof(how));
}

/*
 * Where the socket is to be seen; /run keeps its time. False: the image's /run leads elsewhere.
 */
static bool make_run(int root)
{
	AUTO_CLOSE int run = open_dir(root, "run");
	AUTO_CLOSE int own = -1;
	struct stat st;

	if (run < 0 || fstat(run, &st) < 0 ||
	    (mkdirat(run, "selfsame", 0755) < 0 && errno != EEXIST) ||
	    utimensat(run, ".", (const struct timespec[]){ st.st_mtim, st.st_mtim }, 0) < 0)
		return false;
	own = open_dir(run, "selfsame");
	return own >= 0;
}

/* The image's root as it was unpacked: its own ids, not yet moved. */
static int make_mount_points(struct rt_app *app, int root, struct ss_err *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = { { "proc", 0555 },
		     { "sys", 0555 },
		     { "dev", 0755 },
		     { "tmp", 01777 },
		     { "run", 0755 } };
	struct stat st;

	if (fstat(root, &st) < 0)
		return ss_fail_sys(err, "cannot look at the image's root");
	for (size_t i = 0; i < SS_NELEMS(dirs); i++)
		if (mkdirat(root, dirs[i].name, dirs[i].mode) < 0 && errno != EEXIST)
			return ss_fail_sys(err, "cannot make /%s in the image", dirs[i].name);
	if (app->has_attest && !make_run(root))
		app->has_attest = false;
	if (futimens(root, (const struct timespec[]){ st.st_mtim, st.st_mtim }) < 0)
		return ss_fail_sys(err, "cannot set the time of the image's root");
	return 0;
}

static int put_map(pid_t pid, const char *file, struct ss_err *err)
{
	char path[64], map[64];
	const size_t n = rt_format(map, sizeof(map), "0 %u %u\n", RT_ID_BASE, RT_ID_COUNT);
	AUTO_CLOSE int fd = -1;

	(void)rt_format(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, map, n) != (ssize_t)n)
		return ss_fail_sys(err, "cannot write %s", path);
	return 0;
}

static int open_userns(pid_t pid, int *ret, struct ss_err *err)
{
	char path[64];

	(void)rt_format(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret < 0)
		return ss_fail_sys(err, "cannot open %s", path);
	return 0;
}

/* A user namespace is born with a process; this one lives until the descriptor is there. */
static int make_userns(int *ret, struct ss_err *err)
{
	const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0);
	int rc;

	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	if (pid < 0)
		return ss_fail_sys(err, "cannot make a user namespace");
	rc = put_map(pid, "uid_map", err) < 0 || put_map(pid, "gid_map", err) < 0 ||
			     open_userns(pid, ret, err) < 0
		     ? -1
		     : 0;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return rc;
}

/* The one that was made is all there are: within another, root of the image would have rights over
 * parts of the kernel that it has no use for. */
static int forbid_userns(struct ss_err *err)
{
	return rt_put_setting("/proc/sys/user/max_user_namespaces", "1", err);
}

static int fill_image(struct rt_app *app, bool *ret_etc, struct ss_err *err)
{
	AUTO_CLOSE int root = open("/app/rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (root < 0)
		return ss_fail_sys(err, "the image has no root directory");
	if (make_mount_points(app, root, err) < 0)
		return -1;
	return rt_etc_write(root, app->resolver, ret_etc, err);
}

int rt_app_prepare(struct rt_app *app, bool *ret_etc, struct ss_err *err)
{
	if (fill_image(app, ret_etc, err) < 0 || make_userns(&app->userns, err) < 0)
		return -1;
	return forbid_userns(err);
}

int rt_app_clone_tree(struct rt_app *app, struct ss_err *err)
{
	struct rt_mount_attr attr = { .attr_set = RT_MOUNT_ATTR_IDMAP | RT_MOUNT_ATTR_NODEV,
				      .attr_clr = RT_MOUNT_ATTR_NOEXEC,
				      .userns_fd = (uint64_t)app->userns };

	app->tree = (int)syscall(RT_SYS_OPEN_TREE, AT_FDCWD, "/app/rootfs",
				 RT_OPEN_TREE_CLONE | O_CLOEXEC);
	if (app->tree < 0)
		return ss_fail_sys(err, "cannot clone the mount of the image");
	if (app->config->new_privileges)
		attr.attr_clr |= RT_MOUNT_ATTR_NOSUID;
	if (syscall(RT_SYS_MOUNT_SETATTR, app->tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return ss_fail_sys(err, "cannot map the ids of the image");
	return 0;
}

/* Mounts over a directory of the application's root that is no link and not outside. */
static int mount_at(const char *path, const char *type, unsigned long flags, const char *options,
		    struct ss_err *err)
{
	AUTO_CLOSE int root = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int fd = open_dir(root, path);
	char proc_path[64];

	if (fd < 0)
		return ss_fail_sys(err, "the image's /%s is no directory to mount over", path);
	(void)rt_format(proc_path, sizeof(proc_path), "/proc/self/fd/%d", fd);
	if (mount(type, proc_path, type, flags, options) < 0)
		return ss_fail_sys(err, "cannot mount the application's /%s", path);
	return 0;
}

/* Before /mnt becomes the root: both are still to be seen. */
static int attach_attest(const struct rt_app *app, struct ss_err *err)
{
	AUTO_CLOSE int root = -1;
	AUTO_CLOSE int fd = -1;
	char proc_path[64];

	if (!app->has_attest)
		return 0;
	root = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open_dir(root, "run/selfsame");
	(void)rt_format(proc_path, sizeof(proc_path), "/proc/self/fd/%d", fd);
	if (fd < 0 || mount(RT_ATTEST, proc_path, NULL, MS_BIND, NULL) < 0)
		return ss_fail_sys(err, "cannot mount the application's /run/selfsame");
	return 0;
}

/* Read-only for the application: init puts more into it. */
static int attach_secrets(const struct rt_app *app, struct ss_err *err)
{
	struct rt_mount_attr attr = { .attr_set = RT_MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int root = -1;
	AUTO_CLOSE int fd = -1;
	AUTO_CLOSE int tree = -1;

	if (app->secrets->n_files == 0)
		return 0;
	root = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open_dir(root, "run/selfsame/secrets");
	tree = (int)syscall(RT_SYS_OPEN_TREE, AT_FDCWD, RT_SECRETS, RT_OPEN_TREE_CLONE | O_CLOEXEC);
	if (fd < 0 || tree < 0 ||
	    syscall(RT_SYS_MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    syscall(RT_SYS_MOVE_MOUNT, tree, "", fd, "",
		    RT_MOVE_MOUNT_F_EMPTY_PATH | RT_MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return ss_fail_sys(err, "cannot mount the application's /run/selfsame/secrets");
	return 0;
}

struct node {
	const char *path;
	unsigned major, minor;
};

static int make_node(const struct node *n, mode_t mode, uid_t uid, gid_t gid, struct ss_err *err)
{
	if (mknod(n->path, S_IFCHR | 0600, makedev(n->major, n->minor)) < 0 ||
	    chown(n->path, uid, gid) < 0 || chmod(n->path, mode) < 0)
		return ss_fail_sys(err, "cannot make %s", n->path);
	return 0;
}

static int make_link(const char *path, const char *target, struct ss_err *err)
{
	if (symlink(target, path) < 0 || lchown(path, RT_ID_BASE, RT_ID_BASE) < 0)
		return ss_fail_sys(err, "cannot make %s", path);
	return 0;
}

static int make_nodes(struct ss_err *err)
{
	static const struct node nodes[] = {
		{ "/mnt/dev/null", 1, 3 },    { "/mnt/dev/zero", 1, 5 },
		{ "/mnt/dev/full", 1, 7 },    { "/mnt/dev/random", 1, 8 },
		{ "/mnt/dev/urandom", 1, 9 }, { "/mnt/dev/tty", 5, 0 },
	};
	static const char *const links[][2] = {
		{ "/mnt/dev/ptmx", "pts/ptmx" },          { "/mnt/dev/fd", "/proc/self/fd" },
		{ "/mnt/dev/stdin", "/proc/self/fd/0" },  { "/mnt/dev/stdout", "/proc/self/fd/1" },
		{ "/mnt/dev/stderr", "/proc/self/fd/2" },
	};

	for (size_t i = 0; i < SS_NELEMS(nodes); i++)
		if (make_node(&nodes[i], 0666, RT_ID_BASE, RT_ID_BASE, err) < 0)
			return -1;
	for (size_t i = 0; i < SS_NELEMS(links); i++)
		if (make_link(links[i][0], links[i][1], err) < 0)
			return -1;
	return 0;
}

/* Only if the measured config says so; it belongs to the application's user. */
static int make_nsm_node(const struct rt_app *app, struct ss_err *err)
{
	struct node n = { .path = "/mnt/dev/nsm" };
	struct stat st;

	if (!app->config->nsm || !app->has_nsm_device)
		return 0;
	if (stat("/dev/nsm", &st) < 0)
		return ss_fail_sys(err, "cannot find /dev/nsm");
	n.major = major(st.st_rdev);
	n.minor = minor(st.st_rdev);
	return make_node(&n, 0600, RT_ID_BASE + app->config->uid, RT_ID_BASE + app->config->gid,
			 err);
}

static int make_dev(const struct rt_app *app, struct ss_err *err)
{
	char options[96];

	(void)rt_format(options, sizeof(options), "mode=0755,size=64k,nr_inodes=256,uid=%u,gid=%u",
			RT_ID_BASE, RT_ID_BASE);
	if (mount_at("dev", "tmpfs", MS_NOSUID | MS_NOEXEC, options, err) < 0)
		return -1;
	if (mkdir("/mnt/dev/pts", 0755) < 0 || mkdir("/mnt/dev/shm", 0755) < 0)
		return ss_fail_sys(err, "cannot fill /dev");
	if (make_nodes(err) < 0 || make_nsm_node(app, err) < 0)
		return -1;
	(void)rt_format(options, sizeof(options), "newinstance,ptmxmode=0666,mode=0620,gid=%u",
			RT_ID_BASE + GROUP_TTY);
	if (mount_at("dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options, err) < 0)
		return -1;
	if (chown("/mnt/dev/pts", RT_ID_BASE, RT_ID_BASE) < 0)
		return ss_fail_sys(err, "cannot hand over the application's /dev/pts");
	(void)rt_format(options, sizeof(options),
			"mode=1777,size=%llu,nr_inodes=%llu,uid=%u,gid=%u",
			(unsigned long long)app->room.shm, (unsigned long long)app->room.shm_inodes,
			RT_ID_BASE, RT_ID_BASE);
	return mount_at("dev/shm", "tmpfs", QUIET, options, err);
}

int rt_app_enter_root(const struct rt_app *app, struct ss_err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return ss_fail_sys(err, "cannot keep mounts apart");
	if (syscall(RT_SYS_MOVE_MOUNT, app->tree, "", AT_FDCWD, "/mnt",
		    RT_MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return ss_fail_sys(err, "cannot attach the image");
	if (make_dev(app, err) < 0 || attach_attest(app, err) < 0 || attach_secrets(app, err) < 0 ||
	    mount_at("sys", "sysfs", QUIET | MS_RDONLY, NULL, err) < 0 ||
	    mount_at("proc", "proc", QUIET, NULL, err) < 0)
		return -1;
	/* The old root is put over the new one, and goes away with all that hangs on it. */
	if (chdir("/mnt") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return ss_fail_sys(err, "cannot move into the image's root");
	return 0;
}
