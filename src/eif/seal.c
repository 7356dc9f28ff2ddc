/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/seal.h"

#include "io/file.h"

#include <assert.h>
#include <sys/stat.h>

#define PEM_MAX ((size_t)1024 * 1024) /* a bundle; what does not fit the section is told there */
#define KEY_MAX ((size_t)64 * 1024)

/* --- where a signature comes from ------------------------------------------------------------ */

static int load_certificate(const char *path, int64_t now, struct eif_seal *s, struct ss_err *err)
{
	if (io_load_file(path, &s->pem, err) < 0)
		return -1;
	if (crypto_cert_read_pem_only(ss_buf_span(&s->pem), &s->cert, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (eif_signature_in_time(s->cert, now, err) < 0) {
		err->code = SS_EINPUT; /* the caller's input; nothing was verified */
		return ss_ctx(err, "'%s'", path);
	}
	return 0;
}

static int load_key(const char *path, struct eif_seal *s, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(KEY_MAX);
	int rc;

	if (io_load_file(path, &pem, err) < 0)
		return -1;
	rc = crypto_key_read_pem(ss_buf_span(&pem), &s->key, err);
	if (pem.n > 0)
		crypto_wipe(pem.p, pem.n);
	return rc < 0 ? ss_ctx(err, "'%s'", path) : 0;
}

static void hand_over(struct eif_seal *from, struct eif_seal *ret)
{
	*ret = *from;
	*from = (struct eif_seal){ 0 };
}

int eif_seal_load_key(const char *certificate, const char *key, int64_t now, struct eif_seal *ret,
		      struct ss_err *err)
{
	AUTO_SEAL struct eif_seal s = { .pem = SS_BUF_INIT(PEM_MAX) };

	if (load_certificate(certificate, now, &s, err) < 0 || load_key(key, &s, err) < 0)
		return -1;
	if (!crypto_cert_has_key(s.cert, s.key))
		return ss_fail(err, SS_EINPUT, "the key '%s' is not that of the certificate '%s'",
			       key, certificate);
	hand_over(&s, ret);
	return 0;
}

/* Finds the certificate in s->section, and that it made the signature. */
static int check_section(const char *path, struct eif_seal *s, struct ss_err *err)
{
	AUTO_SIGNATURE struct eif_signature sig = { 0 };

	if (eif_signature_read(ss_buf_span(&s->section), &sig, err) < 0 ||
	    crypto_cert_read_pem(ss_buf_span(&sig.pem), &s->cert, err) < 0 ||
	    eif_signature_verify(&sig, s->cert, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return 0;
}

int eif_seal_load_section(const char *path, struct eif_seal *ret, struct ss_err *err)
{
	AUTO_SEAL struct eif_seal s = { .section = SS_BUF_INIT(EIF_SIGNATURE_MAX) };

	if (io_load_file(path, &s.section, err) < 0 || check_section(path, &s, err) < 0)
		return -1;
	hand_over(&s, ret);
	return 0;
}

int eif_seal_load_eif(const char *path, struct eif_seal *ret, struct ss_err *err)
{
	AUTO_SEAL struct eif_seal s = { .section = SS_BUF_INIT(EIF_SIGNATURE_MAX) };
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	const struct eif_section *section;

	if (eif_file_open(path, &f, err) < 0)
		return -1;
	section = eif_file_find(&f, EIF_SIGNATURE, 0);
	if (section == NULL)
		return ss_fail(err, SS_EINPUT, "'%s' is not signed", path);
	if (eif_file_load(&f, section, &s.section, err) < 0 || check_section(path, &s, err) < 0)
		return -1;
	hand_over(&s, ret);
	return 0;
}

void eif_seal_done(struct eif_seal *s)
{
	ss_buf_done(&s->pem);
	ss_buf_done(&s->section);
	crypto_cert_free(s->cert);
	crypto_key_free(s->key);
	*s = (struct eif_seal){ 0 };
}

/* --- where it goes --------------------------------------------------------------------------- */

static int check_published(const struct eif_seal *s, const uint8_t pcr0[CRYPTO_SHA384_SIZE],
			   struct ss_err *err)
{
	AUTO_SIGNATURE struct eif_signature sig = { 0 };

	if (eif_signature_read(ss_buf_span(&s->section), &sig, err) < 0 ||
	    eif_signature_verify(&sig, s->cert, err) < 0)
		return -1;
	return eif_signature_covers(&sig, pcr0, err);
}

int eif_seal_add(const struct eif_seal *s, struct eif_writer *w, struct ss_err *err)
{
	AUTO_BUF struct ss_buf section = SS_BUF_INIT(EIF_SIGNATURE_MAX);
	uint8_t pcr8[CRYPTO_SHA384_SIZE];
	struct eif_measurements m;

	if (eif_writer_measured(w, &m, err) < 0)
		return -1;
	if (m.pcr0_unknown)
		return ss_fail(err, SS_EINPUT,
			       "PCR0 of an image with PCIe flags cannot be computed, so it cannot "
			       "be signed");
	if (s->key != NULL) {
		if (eif_signature_make(ss_buf_span(&s->pem), s->key, m.pcr0, &section, err) < 0)
			return -1;
	} else {
		if (check_published(s, m.pcr0, err) < 0)
			return -1;
		ss_buf_put(&section, ss_buf_span(&s->section));
	}
	eif_signature_pcr8(s->cert, pcr8);
	return eif_writer_sign(w, ss_buf_span(&section), pcr8, err);
}

/* --- a file that exists ---------------------------------------------------------------------- */

/* Takes the section's bytes, its header included, into the CRC of `f`, and the data to `w`. */
static int copy_section(const struct eif_file *f, const struct eif_section *s, struct eif_writer *w,
			uint32_t *crc, struct ss_err *err)
{
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(EIF_SECTION_HEADER_SIZE);
	uint64_t done = 0;

	eif_section_header_write(s->type, s->size, &head);
	*crc = crypto_crc32(*crc, ss_buf_span(&head));
	if (eif_writer_begin(w, s->type, s->size, err) < 0)
		return -1;
	while (done < s->size) {
		size_t n;
		uint8_t *p = eif_writer_room(w, &n, err);

		if (p == NULL || eif_file_read(f, eif_section_data(s) + done, p, n, err) < 0)
			return -1;
		*crc = crypto_crc32(*crc, (struct ss_span){ p, n });
		eif_writer_advance(w, n);
		done += n;
	}
	return eif_writer_end(w, err);
}

/* An old signature goes no further than the CRC of the old file. */
static int skip_section(const struct eif_file *f, const struct eif_section *s, uint32_t *crc,
			struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_SECTION_HEADER_SIZE + EIF_SIGNATURE_MAX);

	eif_section_header_write(s->type, s->size, &b);
	*crc = crypto_crc32(*crc, ss_buf_span(&b));
	b.n = 0;
	if (eif_file_load(f, s, &b, err) < 0)
		return -1;
	*crc = crypto_crc32(*crc, ss_buf_span(&b));
	return 0;
}

static int copy_sections(const struct eif_file *f, struct eif_writer *w, struct ss_err *err)
{
	uint32_t crc = 0;

	for (size_t i = 0; i < f->header.n_sections; i++) {
		const struct eif_section *s = &f->sections[i];
		const int rc = s->type == EIF_SIGNATURE ? skip_section(f, s, &crc, err)
							: copy_section(f, s, w, &crc, err);

		if (rc < 0)
			return -1;
	}
	return eif_file_check_crc(f, crc, err);
}

int eif_file_seal(const struct eif_file *f, const struct eif_seal *s, const char *output,
		  struct eif_measurements *ret, struct ss_err *err)
{
	AUTO_EIF_WRITER struct eif_writer *w = NULL;
	struct eif_writer_opts o = { .version = f->header.version,
				     .flags = f->header.flags,
				     .default_mem = f->header.default_mem,
				     .default_cpus = f->header.default_cpus };
	struct stat st = { 0 };

	if (fstat(f->fd, &st) < 0)
		return ss_fail_sys(err, "cannot read '%s'", f->path);
	o.mode = st.st_mode & 0777;
	if (eif_writer_open(output, &o, &w, err) < 0 || copy_sections(f, w, err) < 0)
		return -1;
	if (eif_seal_add(s, w, err) < 0)
		return ss_ctx(err, "'%s'", f->path);
	return eif_writer_finish(TAKE_PTR(w), ret, err);
}
