/* SPDX-License-Identifier: ISC */
/*
 * Owns: taking in a certificate that the supervisor tells of: read it, say what it is, look what the store holds for it.
 * Runs in: writer.
 * Never: trusts the store blindly: what it holds is verified again before it can reach Apache's file.
 */
#ifndef STAPLEGUARD_CERT_INTAKE_H
#define STAPLEGUARD_CERT_INTAKE_H

#include "offers/offers.h"
#include "store/store_access.h"

/*
 * add and its descriptor (borrowed).  Sends CERT_INFO, queues ANSWER(HELD).  Returns false when the supervisor does not
 * keep to the protocol, or memory ends: then the process must end.
 */
bool told_cert(struct offers *offers, struct store_access *access, const struct msg_cert_add *add, int fd, int64_t now);

/*
 * RESUME: what is held for a withdrawn certificate is forgotten, so that a response can be taken again; queues
 * ANSWER(HELD).  For one that is not withdrawn only the answer.
 */
void told_resume(struct offers *offers, struct store_access *access, uint32_t cert_no, int64_t now);

#endif
