/* SPDX-License-Identifier: MIT */
/* The certificate of our doors: read from what the section `tls` names, and watched while it runs out. */
#pragma once

#include <stdint.h>

struct fr_cause;
struct fr_certificate;
struct fr_loop;
struct fr_settings;
struct fr_text;
struct fr_tls;

/**
 * Reads the files of the section `tls`.
 *
 * @param ret      the caller frees; where there is no section, credentials without a certificate
 * @retval -errno  `why` names the section's place, the option, the file and what is wrong
 */
int fr_certificate_read(
    const struct fr_settings *settings, struct fr_tls **ret, struct fr_cause *why);

/** Says what is wrong with the section `tls` itself, and which doors want TLS without it. */
void fr_certificate_check(const struct fr_settings *settings, struct fr_text *problems);

/** Says what is wrong with its files. @retval -errno  something is */
int fr_certificate_check_files(const struct fr_settings *settings, struct fr_text *problems);

/** @return which of the warnings (30, 7, 1 days before) is due with so many days left: 0..3; 0 is none */
unsigned fr_certificate_urgency(int64_t days);

/** Watches these credentials: the metric of the days left, a line in the log when few are. @param tls  borrowed */
int fr_certificate_new(struct fr_loop *loop, const struct fr_tls *tls, struct fr_certificate **ret,
    struct fr_cause *why);
void fr_certificate_free(struct fr_certificate *certificate); /* NULL is fine */

/** Other credentials have taken their place. */
void fr_certificate_changed(struct fr_certificate *certificate);
