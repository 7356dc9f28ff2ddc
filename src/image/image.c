/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include "base/show.h"
#include "image/ramdisk.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>

#define MAX_PATH_TEXT 4096u
#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

/* Everything that goes into the file, before it is written. */
struct parts {
	const struct image_request *req;
	const struct tree *t;
	struct image_result *ret;
	int kernel;
	uint64_t kernel_size;
	struct ss_buf init;
	struct ss_buf dataplane; /* selfsame */
	struct ss_buf keyplane;  /* selfsame */
	struct ss_buf nsm;
	struct ss_buf cmdline;
	struct ss_buf metadata;
	struct ss_buf ramdisk0; /* selfsame */
	uint64_t ramdisk0_size;
	struct rd_app app; /* selfsame */
	uint64_t ramdisk1_size;
};

static void parts_done(struct parts *p)
{
	if (p->kernel >= 0)
		(void)close(p->kernel);
	ss_buf_done(&p->init);
	ss_buf_done(&p->dataplane);
	ss_buf_done(&p->keyplane);
	ss_buf_done(&p->nsm);
	ss_buf_done(&p->cmdline);
	ss_buf_done(&p->metadata);
	ss_buf_done(&p->ramdisk0);
	rd_app_done(&p->app);
}

static int arch_flags(const char *arch, uint16_t *ret, struct ss_err *err)
{
	if (strcmp(arch, "x86_64") != 0 && strcmp(arch, "aarch64") != 0)
		return ss_fail(err, SS_EUSAGE, "architecture '%s' is neither x86_64 nor aarch64",
			       arch);
	*ret = strcmp(arch, "aarch64") == 0 ? EIF_FLAG_ARM64 : 0;
	return 0;
}

/* --- what both layouts need ---------------------------------------------------------------- */

static int open_kernel(struct parts *p, const char *path, struct ss_err *err)
{
	AUTO_FREE uint8_t *head = ss_calloc(EIF_KERNEL_HEAD, 1);
	size_t n;

	if (io_open_file(path, &p->kernel, &p->kernel_size, err) < 0)
		return ss_ctx(err, "kernel");
	if (p->kernel_size == 0)
		return ss_fail(err, SS_EINPUT, "kernel: '%s' is empty", path);
	if (io_pread_full(p->kernel, 0, head, EIF_KERNEL_HEAD, &n, err) < 0)
		return ss_ctx(err, "kernel: '%s'", path);
	eif_kernel_version((struct ss_span){ head, n }, p->ret->kernel_version);
	return 0;
}

static int load_program(const char *what, const char *path, struct ss_buf *ret,
			uint8_t ret_sha256[CRYPTO_SHA256_SIZE], struct ss_err *err)
{
	if (io_load_file(path, ret, err) < 0)
		return ss_ctx(err, "%s", what);
	if (ret->n == 0)
		return ss_fail(err, SS_EINPUT, "%s: '%s' is empty", what, path);
	crypto_hash_once(CRYPTO_SHA256, ss_buf_span(ret), ret_sha256);
	return 0;
}

static int load_init(struct parts *p, const char *path, struct ss_err *err)
{
	return load_program("init", path, &p->init, p->ret->init_sha256, err);
}

static int check_label(const char *what, const char *text, struct ss_err *err)
{
	const size_t n = strlen(text);

	if (n == 0 || n > IMAGE_MAX_LABEL)
		return ss_fail(err, SS_EINPUT, "%s has %zu bytes; 1 to %u may be", what, n,
			       IMAGE_MAX_LABEL);
	if (!ss_is_text((struct ss_span){ (const uint8_t *)text, n }))
		return ss_fail(err, SS_EINPUT, "%s is not UTF-8", what);
	return 0;
}

static int make_metadata(struct parts *p, struct ss_err *err)
{
	const struct image_request *req = p->req;

	if (check_label("the image's name", req->name, err) < 0 ||
	    check_label("the image's version", req->version, err) < 0)
		return -1;
	eif_metadata_write(&(struct eif_metadata){ .name = req->name,
						   .version = req->version,
						   .build_time = req->epoch,
						   .tool_version = STRINGIFY(IMAGE_LAYOUT),
						   .kernel_version = p->ret->kernel_version },
			   &p->metadata);
	return ss_buf_check(&p->metadata, "the metadata", err);
}

/* --- layout 1 ------------------------------------------------------------------------------ */

static int load_programs(struct parts *p, struct ss_err *err)
{
	const struct image_runtime *r = &p->req->runtime;

	if (load_init(p, r->init, err) < 0 ||
	    load_program("dataplane", r->dataplane, &p->dataplane, p->ret->dataplane_sha256, err) <
		    0 ||
	    load_program("keyplane", r->keyplane, &p->keyplane, p->ret->keyplane_sha256, err) < 0)
		return -1;
	return rd_runtime_make(&(struct rd_programs){ .dataplane = ss_buf_span(&p->dataplane),
						      .init = ss_buf_span(&p->init),
						      .keyplane = ss_buf_span(&p->keyplane) },
			       &p->ramdisk0, err);
}

static int plan_selfsame(struct parts *p, struct ss_err *err)
{
	const struct image_request *req = p->req;

	if (open_kernel(p, req->runtime.kernel, err) < 0 || load_programs(p, err) < 0 ||
	    image_cmdline(ss_buf_span(&p->ramdisk0), req->runtime.cmdline, req->extra_cmdline,
			  &p->cmdline, err) < 0 ||
	    rd_app_plan(p->t, req, &p->app, err) < 0)
		return -1;
	p->ramdisk0_size = p->ramdisk0.n;
	p->ramdisk1_size = p->app.size;
	p->ret->entries = p->app.entries;
	p->ret->bytes = p->app.bytes;
	p->ret->memory_need = mc_memory_need(p->kernel_size, p->ramdisk0_size + p->ramdisk1_size,
					     p->app.entries, p->app.pages);
	return 0;
}

/* --- nitro-cli's layout -------------------------------------------------------------------- */

static int blob_path(const struct parts *p, const char *name, char ret[MAX_PATH_TEXT],
		     struct ss_err *err)
{
	const int n = snprintf(ret, MAX_PATH_TEXT, "%s/%s", p->req->blobs, name);

	if (n < 0 || (size_t)n >= MAX_PATH_TEXT)
		return ss_fail(err, SS_EUSAGE, "the path of the blobs is too long");
	return 0;
}

/* As nitro-cli does with its cmdline file. */
static void trim(struct ss_buf *b)
{
	size_t from = 0;

	while (b->n > 0 && b->p[b->n - 1] <= ' ')
		b->n--;
	while (from < b->n && b->p[from] <= ' ')
		from++;
	if (from > 0)
		memmove(b->p, b->p + from, b->n - from);
	b->n -= from;
}

static int load_blobs(struct parts *p, struct ss_err *err)
{
	char path[MAX_PATH_TEXT];

	if (blob_path(p, strcmp(p->req->arch, "x86_64") == 0 ? "bzImage" : "Image", path, err) <
		    0 ||
	    open_kernel(p, path, err) < 0 || blob_path(p, "init", path, err) < 0 ||
	    load_init(p, path, err) < 0 || blob_path(p, "nsm.ko", path, err) < 0 ||
	    io_load_file(path, &p->nsm, err) < 0 || blob_path(p, "cmdline", path, err) < 0 ||
	    io_load_file(path, &p->cmdline, err) < 0)
		return -1;
	trim(&p->cmdline);
	return image_cmdline_check(ss_buf_span(&p->cmdline), err);
}

static int plan_nitro(struct parts *p, struct ss_err *err)
{
	struct rd_out ramdisk0 = { 0 };
	struct rd_out ramdisk1 = { 0 };

	if (p->req->extra_cmdline != NULL)
		return ss_fail(err, SS_EUSAGE, "nothing can be added to nitro-cli's command line");
	if (load_blobs(p, err) < 0 ||
	    rd_bootstrap_write(ss_buf_span(&p->init), ss_buf_span(&p->nsm), &ramdisk0, err) < 0 ||
	    rd_customer_write(p->t, p->req->cmd_file, p->req->env_file, &ramdisk1, err) < 0)
		return -1;
	p->ramdisk0_size = ramdisk0.n;
	p->ramdisk1_size = ramdisk1.n;
	p->ret->entries = tree_count(p->t);
	return 0;
}

/* --- writing ------------------------------------------------------------------------------- */

static int write_kernel(const struct parts *p, struct eif_writer *w, struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	struct rd_out out = { .w = w };

	if (eif_writer_begin(w, EIF_KERNEL, p->kernel_size, err) < 0)
		return -1;
	if (rd_file(&out, p->kernel, p->kernel_size, h, err) < 0)
		return ss_ctx(err, "kernel");
	crypto_hash_end(h, p->ret->kernel_sha256);
	return eif_writer_end(w, err);
}

static int write_bytes(struct eif_writer *w, enum eif_section_type type, const struct ss_buf *b,
		       struct ss_err *err)
{
	if (eif_writer_begin(w, type, b->n, err) < 0 || eif_writer_put(w, ss_buf_span(b), err) < 0)
		return -1;
	return eif_writer_end(w, err);
}

static int write_ramdisk0(const struct parts *p, struct eif_writer *w, struct ss_err *err)
{
	struct rd_out out = { .w = w };

	if (p->req->layout == IMAGE_SELFSAME)
		return write_bytes(w, EIF_RAMDISK, &p->ramdisk0, err);
	if (eif_writer_begin(w, EIF_RAMDISK, p->ramdisk0_size, err) < 0 ||
	    rd_bootstrap_write(ss_buf_span(&p->init), ss_buf_span(&p->nsm), &out, err) < 0)
		return -1;
	return eif_writer_end(w, err);
}

static int write_ramdisk1(const struct parts *p, struct eif_writer *w, struct ss_err *err)
{
	struct rd_out out = { .w = w, .progress = p->req->progress };
	int rc;

	if (eif_writer_begin(w, EIF_RAMDISK, p->ramdisk1_size, err) < 0)
		return -1;
	if (p->req->layout == IMAGE_SELFSAME)
		rc = rd_app_write(&p->app, &out, err);
	else
		rc = rd_customer_write(p->t, p->req->cmd_file, p->req->env_file, &out, err);
	return rc < 0 ? -1 : eif_writer_end(w, err);
}

static int write_image(const struct parts *p, struct ss_err *err)
{
	struct eif_writer_opts o = { .default_mem = p->req->default_mem,
				     .default_cpus = p->req->default_cpus,
				     .want_sha256 = p->req->want_sha256,
				     .discard = p->req->discard };
	AUTO_EIF_WRITER struct eif_writer *w = NULL;

	if (arch_flags(p->req->arch, &o.flags, err) < 0 ||
	    eif_writer_open(p->req->output, &o, &w, err) < 0 || write_kernel(p, w, err) < 0 ||
	    write_bytes(w, EIF_CMDLINE, &p->cmdline, err) < 0 ||
	    write_bytes(w, EIF_METADATA, &p->metadata, err) < 0 || write_ramdisk0(p, w, err) < 0 ||
	    write_ramdisk1(p, w, err) < 0 ||
	    (p->req->seal != NULL && eif_seal_add(p->req->seal, w, err) < 0))
		return -1;
	return eif_writer_finish(TAKE_PTR(w), &p->ret->m, err);
}

/* --- the list ------------------------------------------------------------------------------ */

static void count_privileges(const struct tree *t, struct image_result *ret)
{
	struct tree_walk w;

	tree_walk_init(&w, t);
	for (tree_id id = tree_walk_next(&w); id != TREE_NONE; id = tree_walk_next(&w)) {
		const unsigned bits = image_privileges(t, id);

		ret->setuid_files += (bits & (IMAGE_SETUID | IMAGE_SETGID)) != 0;
		ret->capability_files += (bits & IMAGE_CAPABILITY) != 0;
	}
}

static int build(struct parts *p, struct tree *t, struct ss_err *err)
{
	const struct image_request *req = p->req;
	uint16_t flags;

	if (arch_flags(req->arch, &flags, err) < 0)
		return -1;
	if (req->layout == IMAGE_NITRO_CLI && rd_docker_layer(t, err) < 0)
		return -1;
	tree_sort(t);
	count_privileges(t, p->ret);
	if ((req->layout == IMAGE_SELFSAME ? plan_selfsame(p, err) : plan_nitro(p, err)) < 0 ||
	    make_metadata(p, err) < 0)
		return -1;
	ss_progress_phase(req->progress, "packing", p->ret->bytes);
	return write_image(p, err);
}

int image_build(struct tree *t, const struct image_request *req, struct image_result *ret,
		struct ss_err *err)
{
	struct image_result result = { 0 };
	struct parts p = { .req = req,
			   .t = t,
			   .ret = &result,
			   .kernel = -1,
			   .init = SS_BUF_INIT(IMAGE_MAX_INIT),
			   .dataplane = SS_BUF_INIT(IMAGE_MAX_INIT),
			   .keyplane = SS_BUF_INIT(IMAGE_MAX_INIT),
			   .nsm = SS_BUF_INIT(IMAGE_MAX_INIT),
			   .cmdline = SS_BUF_INIT(EIF_CMDLINE_MAX),
			   .metadata = SS_BUF_INIT(EIF_METADATA_MAX),
			   .ramdisk0 = SS_BUF_INIT(3 * IMAGE_MAX_INIT + 4096) };
	const int rc = build(&p, t, err);

	parts_done(&p);
	if (rc == 0)
		*ret = result;
	return rc;
}

unsigned image_privileges(const struct tree *t, tree_id id)
{
	static const char capability[] = "security.capability";
	struct tree_xattr x;
	struct tree_inode in;
	unsigned bits = 0;

	tree_stat(t, id, &in);
	if (in.type != TREE_REG)
		return 0;
	if ((in.mode & 04000) != 0)
		bits |= IMAGE_SETUID;
	if ((in.mode & 02010) == 02010) /* without the group's x bit it meant something else once */
		bits |= IMAGE_SETGID;
	if (tree_xattr(t, id, 0, &x) && x.name.n == sizeof(capability) - 1)
		bits |= IMAGE_CAPABILITY;
	return bits;
}
