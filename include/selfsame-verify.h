/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SELFSAME_VERIFY_H
#define SELFSAME_VERIFY_H

/*
 * libselfsame-verify: is this attestation document of an AWS Nitro enclave genuine, and does it
 * come from the code that I expect? docs/verify.md has a worked example.
 *
 *     q = ssv_question_new();
 *     ssv_expect_policy(q, json, json_size, "accepted.json");
 *     ssv_expect_nonce(q, nonce, sizeof(nonce));
 *     ssv_at_time(q, time(NULL));
 *     ssv_verify(q, document, document_size, &verdict);
 *     proof = ssv_verdict_yes(verdict);
 *     if (proof != NULL) … ssv_verified_public_key(proof, &n) …
 *     else … ssv_verdict_code(verdict), ssv_verdict_message(verdict) …
 *
 * It cannot be misread. ssv_verify() returns nothing that could be taken for a yes; a yes is a
 * pointer to struct ssv_verified, which only the verifier makes, and what a document says can be
 * read through that pointer alone. No function answers with a number that is zero for good in one
 * place and for bad in another: setters return SSV_OK or less than zero, and whoever does not look
 * is safe, since a question with a setter that failed gets no yes.
 *
 * Pure. Nothing here opens a file, asks the network, reads a clock, the environment or the locale,
 * or writes to a stream. Bytes and a time go in, a verdict comes out. (libcrypto, which counts,
 * sets itself up when it is first used, and reads its own configuration then.)
 *
 * Ownership. What is handed in is copied before the call returns. What is handed out belongs to the
 * object that it came from and lives as long as that; it is never freed by the caller. An object is
 * freed by its own function, which accepts NULL. A verdict outlives its question.
 *
 * Memory is taken by malloc(). No size in a document or a policy is trusted before it passed a
 * limit; a document takes less than 1 MiB, a policy of 4 MiB some tens. If memory runs out, or the
 * library finds itself broken, it ends the process by abort() after one line on the standard error,
 * the only line that it ever prints.
 *
 * Threads. There is no state outside the objects but libcrypto's, whose error queue of the calling
 * thread is empty afterwards. Different questions may be used by different
 * threads at the same time; one question by one thread at a time, ssv_verify() included. A verdict
 * does not change once it was made: any number of threads may read it until it is freed.
 *
 * Stability. All structs are opaque and none is passed by value; there are no enums in the
 * interface, so that a number is an int everywhere. Within one soname functions are only added,
 * constants keep their value, a reason code keeps its meaning; new codes may come, and checks that
 * are made by every version may become stricter, never weaker.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SSV_API __attribute__((visibility("default")))
#else
#define SSV_API
#endif

/* What a setter returns. */
#define SSV_OK 0
#define SSV_EUSAGE (-1) /* the call makes no sense: NULL, a register over 31, an empty text */
#define SSV_EINPUT (-2) /* what was handed in breaks its own format */
#define SSV_ELIMIT (-3) /* it is larger than its limit */

/* Limits. More is SSV_ELIMIT; a document over its limit is a no ("document-size"). */
#define SSV_DOCUMENT_MAX 32768u
#define SSV_POLICY_MAX 4194304u
#define SSV_POLICIES_MAX 4u
#define SSV_MEASUREMENTS_MAX 262144u
#define SSV_IMAGES_MAX 4u
#define SSV_KNOWN_MAX 16u
#define SSV_PEM_MAX 65536u
#define SSV_VALUE_MAX 1024u /* nonce, user_data, public_key */
#define SSV_TEXT_MAX 4096u  /* a role, an instance, a name of a source */
#define SSV_PCRS 32u
#define SSV_PCR_SIZE 48u

/* "0.1.0" of the library that runs, which may be newer than this header. Static. */
SSV_API const char *ssv_version(void);

/* --- a question ------------------------------------------------------------------------------ */

/*
 * What is expected, of whom, and when. It can be asked of many documents, one after the other, and
 * then remembers certificates that it has checked, which makes the next answer faster. Everything
 * that was expected must hold, and nothing can be taken back: another call replaces the value of a
 * nonce, user_data, public_key, age, time, leeway or root, and adds to everything else.
 *
 * There is no answer, so no yes, until PCR0, PCR1 and PCR2 are expected, by a policy with releases,
 * by measurements, or each by ssv_expect_pcr() or a policy's "pcr", and a time was chosen.
 */
struct ssv_question;

SSV_API struct ssv_question *ssv_question_new(void); /* never NULL */
SSV_API void ssv_question_free(struct ssv_question *q);

/*
 * Why the first setter failed, or "". It is kept: such a question never gets a yes, whatever is set
 * afterwards. Bytes from outside are escaped.
 */
SSV_API const char *ssv_question_error(const struct ssv_question *q);

/*
 * A policy, as JSON (docs/formats/policy.md): the releases that are accepted and what else must
 * hold. Strict: unknown keys, keys that come twice, values of another type, null and anything
 * behind the end are refused. `source` names it in verdicts ("accepted.json"). With several
 * policies all must hold.
 */
SSV_API int ssv_expect_policy(struct ssv_question *q, const char *json, size_t n,
			      const char *source);

/*
 * One image, by what somebody measured: measurements.json, what `selfsame measure --json` prints, or
 * nitro-cli's {"Measurements": {...}}. PCR8 is compared where it stands there. `source` names it in
 * verdicts. Of several all must hold.
 */
SSV_API int ssv_expect_measurements(struct ssv_question *q, const char *json, size_t n,
				    const char *source);
/* Another build, never accepted: only to say which part changed. `name` is how a verdict calls it.
 * Where only values are expected, the parts of the expected build are looked for here, too. */
SSV_API int ssv_know_measurements(struct ssv_question *q, const char *json, size_t n,
				  const char *name);

/*
 * The value of a register, SSV_PCR_SIZE bytes. Expecting two values of the same register is two
 * expectations, of which one must fail.
 */
SSV_API int ssv_expect_pcr(struct ssv_question *q, unsigned index, const uint8_t *value, size_t n);
/* The IAM role of the instance by its ARN (PCR3): "arn:aws:iam::123456789012:role/web". */
SSV_API int ssv_expect_role(struct ssv_question *q, const char *arn);
/* The instance by its id (PCR4): "i-0123456789abcdef0". */
SSV_API int ssv_expect_instance(struct ssv_question *q, const char *id);
/* The certificate that the image is signed with (PCR8): the first of PEM text that holds nothing
 * but certificates. */
SSV_API int ssv_expect_signer_pem(struct ssv_question *q, const char *pem, size_t n);

/*
 * The nonce that was sent with the request: unpredictable, 16 bytes or more, used once. Without it
 * a document may be a replay. None of the three may be NULL or empty.
 */
SSV_API int ssv_expect_nonce(struct ssv_question *q, const uint8_t *value, size_t n);
SSV_API int ssv_expect_user_data(struct ssv_question *q, const uint8_t *value, size_t n);
SSV_API int ssv_expect_public_key(struct ssv_question *q, const uint8_t *value, size_t n);

/* The time of verification, in seconds since 1970: time(NULL) where the clock is right. */
SSV_API int ssv_at_time(struct ssv_question *q, int64_t unix_s);
/*
 * The document's own time instead: for evidence that was kept. A certificate that has expired
 * since, and the age of the document, are then no longer a no.
 */
SSV_API int ssv_at_document(struct ssv_question *q);
/* How many seconds old a document may be, 1 or more; of a policy's limit and this the lesser. With
 * ssv_at_document() it contradicts, and there is no answer. */
SSV_API int ssv_expect_max_age(struct ssv_question *q, uint64_t seconds);
/* By how many seconds, at most 300, the document's clock may be ahead; 0 unless told. */
SSV_API int ssv_allow_leeway(struct ssv_question *q, unsigned seconds);

/*
 * What is refused unless the caller names it; the first line of the verdict then says so. Debug
 * mode: nothing tells which code runs. Emulated: QEMU's documents, which nobody signed.
 */
SSV_API int ssv_allow_debug(struct ssv_question *q);
SSV_API int ssv_allow_emulated(struct ssv_question *q);
/* A root certificate in the place of AWS's: the first of PEM text that holds nothing but
 * certificates. The first line of the verdict says so. */
SSV_API int ssv_trust_root_pem(struct ssv_question *q, const char *pem, size_t n);

/* --- an answer ------------------------------------------------------------------------------- */

/*
 * The verdict on one document. *ret, whatever it held, becomes the caller's, to be freed by
 * ssv_verdict_free(). It is never NULL, unless q is.
 */
struct ssv_verdict;

SSV_API void ssv_verify(struct ssv_question *q, const uint8_t *document, size_t n,
			struct ssv_verdict **ret);
SSV_API void ssv_verdict_free(struct ssv_verdict *v);

/* The document, proven; NULL unless the answer is yes. Lives as long as the verdict. */
struct ssv_verified;
SSV_API const struct ssv_verified *ssv_verdict_yes(const struct ssv_verdict *v);

/*
 * Why it is not yes, as a word that never changes ("pcr0", "nonce", "certificate-expired"), listed
 * in selfsame-verify(1); "" if it is. "no-question" is the word where the question was none: what
 * had to be expected was not, or a setter failed. A NULL verdict is "no-question" too.
 */
SSV_API const char *ssv_verdict_code(const struct ssv_verdict *v);
/* The same for people, in one line without its end; "" if it is yes. */
SSV_API const char *ssv_verdict_message(const struct ssv_verdict *v);
/*
 * The whole report: each check, the two values compared and where the expectation is from, and what
 * was not checked. As text, which is escaped and fit for a terminal, or as one JSON object.
 */
SSV_API const char *ssv_verdict_text(const struct ssv_verdict *v);
SSV_API const char *ssv_verdict_json(const struct ssv_verdict *v);

/* What any code but "" and "no-question" stands for; NULL if this version has no such code. */
SSV_API const char *ssv_reason_meaning(const char *code);

/* --- what a document says, once it is proven ------------------------------------------------- */

/*
 * NULL with *ret_n 0 if the document has none, or if `v` is NULL. A value of no bytes is not NULL.
 * A register that is expected has that value; what was not expected is what the enclave says.
 */
SSV_API const uint8_t *ssv_verified_nonce(const struct ssv_verified *v, size_t *ret_n);
SSV_API const uint8_t *ssv_verified_user_data(const struct ssv_verified *v, size_t *ret_n);
SSV_API const uint8_t *ssv_verified_public_key(const struct ssv_verified *v, size_t *ret_n);
SSV_API const uint8_t *ssv_verified_pcr(const struct ssv_verified *v, unsigned index,
					size_t *ret_n);
/* "i-…-enc…": UTF-8, not terminated. */
SSV_API const uint8_t *ssv_verified_module_id(const struct ssv_verified *v, size_t *ret_n);
/* Milliseconds since 1970, by the hypervisor's clock; 0 if `v` is NULL. */
SSV_API uint64_t ssv_verified_timestamp_ms(const struct ssv_verified *v);

#ifdef __cplusplus
}
#endif

#endif
