/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_side.h"

#include "base/show.h"
#include "base/text.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RAMDISK_UNPACK ((uint64_t)16 << 30)

const char *ex_what_name(enum ex_what w)
{
	static const char *const names[] = { [EX_IS_EIF] = "an enclave image",
					     [EX_IS_TREE] = "an image or root file system",
					     [EX_IS_CPIO] = "a cpio archive",
					     [EX_IS_MEASUREMENTS] = "a measurements.json",
					     [EX_IS_FILE] = "another file" };

	return names[w];
}

void ex_side_done(struct ex_side *s)
{
	if (s->what == EX_IS_EIF && s->eif.path != NULL)
		eif_file_done(&s->eif);
	ex_source_drop(s->all.src);
	ex_list_done(&s->list);
	*s = (struct ex_side){ .eif = EIF_FILE_NONE };
}

static int open_tree(struct ex_side *s, const char *source, const struct ex_options *o,
		     struct ss_err *err)
{
	const struct oci_request req = {
		.source = source, .arch = o->arch, .limits = o->limits, .progress = o->progress
	};
	AUTO_EX_SOURCE struct ex_source *src = NULL;
	struct oci_image image = { 0 };
	struct tree *tree = NULL;

	s->what = EX_IS_TREE;
	if (oci_load(&req, &tree, &image, err) < 0)
		return -1;
	src = ex_source_tree(tree, &image);
	return ex_list_tree(src, &s->list, err);
}

/* A folder is an OCI layout if it says so. */
static int open_folder(struct ex_side *s, const char *path, const struct ex_options *o,
		       struct ss_err *err)
{
	char text[4200];
	struct stat st;

	(void)snprintf(text, sizeof(text), "%s/oci-layout", path);
	if (strlen(path) > 4095)
		return ss_fail(err, SS_EUSAGE, "'%s': the path is too long", s->name);
	if (stat(text, &st) == 0)
		(void)snprintf(text, sizeof(text), "oci:%s", path);
	else
		(void)snprintf(text, sizeof(text), "rootfs:%s", path);
	return open_tree(s, text, o, err);
}

static bool is_tar(struct ss_span s)
{
	return s.n >= 264 && memcmp(s.p + 257, "ustar", 5) == 0;
}

/* What kind of archive a tar file is, by the names in it. */
static int open_tar(struct ex_side *s, const struct ex_options *o, struct ss_err *err)
{
	const char *transport = "rootfs-tar";
	struct ex_list l = { 0 };
	char text[4200];

	if (strlen(s->name) > 4095)
		return ss_fail(err, SS_EUSAGE, "'%s': the path is too long", s->name);
	if (ex_list_tar(&s->all, &l, err) == 0)
		for (size_t i = 0; i < l.n; i++) {
			const struct ss_span name = ex_name(&l, &l.v[i]);

			if (name.n == 10 && memcmp(name.p, "oci-layout", 10) == 0)
				transport = "oci-archive";
			else if (name.n == 13 && memcmp(name.p, "manifest.json", 13) == 0 &&
				 strcmp(transport, "oci-archive") != 0)
				transport = "docker-archive";
		}
	else if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
		return -1;
	ex_list_done(&l);
	*err = (struct ss_err){ 0 };
	(void)snprintf(text, sizeof(text), "%s:%s", transport, s->name);
	ex_source_drop(s->all.src);
	s->all = (struct ex_bytes){ 0 };
	return open_tree(s, text, o, err);
}

/* measurements.json, if it reads as one: else it is a file like any other. */
static int open_json(struct ex_side *s, struct ss_err *err)
{
	struct ss_err no = { 0 };

	(void)err;
	if (cfg_measurements_load_any(s->name, &s->m, &no) == 0)
		s->what = EX_IS_MEASUREMENTS;
	return 0;
}

/* A packed file: what it holds decides. */
static int open_packed(struct ex_side *s, enum inflate_kind kind, const struct ex_options *o,
		       struct ss_err *err)
{
	const struct ss_span none = { (const uint8_t *)"", 0 };
	uint64_t left = RAMDISK_UNPACK;
	struct ex_bytes out;
	uint8_t head[264];
	size_t n;

	if (ex_unpack(&s->all, kind, none, none, &left, &out, err) < 0) {
		if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
			return -1;
		*err = (struct ss_err){ 0 };
		return 0; /* a file like any other */
	}
	if (ex_read_some(&out, 0, head, sizeof(head), &n, err) < 0) {
		ex_source_drop(out.src);
		return -1;
	}
	if (is_tar((struct ss_span){ head, n })) {
		ex_source_drop(out.src);
		return open_tar(s, o, err);
	}
	if (ss_begins((struct ss_span){ head, n }, "070701")) {
		s->what = EX_IS_CPIO;
		ex_source_drop(s->all.src);
		s->all = out;
		return 0;
	}
	ex_source_drop(out.src);
	return 0;
}

static int open_eif(struct ex_side *s, struct ss_err *err)
{
	s->what = EX_IS_EIF;
	return eif_file_open(s->name, &s->eif, err);
}

static int open_file(struct ex_side *s, const struct ex_options *o, struct ss_err *err)
{
	uint8_t head[264];
	struct ss_span seen = { head, 0 };
	enum inflate_kind kind;
	uint64_t size;
	int fd;

	if (io_open_file(s->name, &fd, &size, err) < 0)
		return -1;
	s->what = EX_IS_FILE;
	s->all = (struct ex_bytes){ .src = ex_source_fd(fd), .n = size };
	if (ex_read_some(&s->all, 0, head, sizeof(head), &seen.n, err) < 0)
		return ss_ctx(err, "'%s'", s->name);
	if (ss_begins(seen, ".eif"))
		return open_eif(s, err);
	if (ss_begins(seen, "070701")) {
		s->what = EX_IS_CPIO;
		return 0;
	}
	if (is_tar(seen))
		return open_tar(s, o, err);
	if (ss_begins(seen, "{"))
		return open_json(s, err);
	kind = inflate_sniff(seen);
	return kind == INFLATE_PLAIN || kind == INFLATE_BZIP2 ? 0 : open_packed(s, kind, o, err);
}

int ex_side_open(const char *name, const struct ex_options *o, struct ex_side *ret,
		 struct ss_err *err)
{
	AUTO_EX_SIDE struct ex_side s = { .name = name, .eif = EIF_FILE_NONE };
	struct stat st;
	int rc;

	if (oci_is_source(name))
		rc = open_tree(&s, name, o, err);
	else if (stat(name, &st) == 0 && S_ISDIR(st.st_mode))
		rc = open_folder(&s, name, o, err);
	else
		rc = open_file(&s, o, err);
	if (rc < 0)
		return -1;
	*ret = s;
	s = (struct ex_side){ .eif = EIF_FILE_NONE };
	return 0;
}

struct ex_bytes ex_section(const struct ex_side *s, const struct eif_section *sec)
{
	return ex_part(&s->all, eif_section_data(sec), sec->size);
}

int ex_ramdisk(const struct ex_bytes *b, uint64_t *left, struct ex_list *ret, struct ss_err *err)
{
	const struct ss_span none = { (const uint8_t *)"", 0 };
	uint8_t head[INFLATE_SNIFF];
	enum inflate_kind kind;
	struct ex_bytes out;
	size_t n;
	int rc;

	if (ex_read_some(b, 0, head, sizeof(head), &n, err) < 0)
		return -1;
	kind = inflate_sniff((struct ss_span){ head, n });
	if (kind != INFLATE_GZIP && kind != INFLATE_ZSTD && kind != INFLATE_XZ)
		return ex_list_cpio(b, TREE_MAX_NAMES, ret, err);
	if (ex_unpack(b, kind, none, none, left, &out, err) < 0)
		return -1;
	rc = ex_list_cpio(&out, TREE_MAX_NAMES, ret, err);
	ex_source_drop(out.src);
	return rc;
}
