/* Which values may be shown, and tags for those that may not. Values are judged by their look alone. */
#ifndef SP_IDENT_H
#define SP_IDENT_H

#include "sp_text.h"

extern const uint8_t sp_ident_public_key[16]; /* of tags when no key is given: hides nothing from who can guess */

/* Whether the value looks like an identifier: the documented form of an id (`resp_…`), a UUID, or a name of at most 64
   letters, digits and `._:/-` (and `@` before the version of a model) that matches no credential or personal-data pattern.
   Linear in v.n. */
int sp_ident_shows(sp_view v);

/* The same for a host, with or without a port: names, and addresses of private networks. */
int sp_ident_host_shows(sp_view host);

/* Whether LiteLLM wrapped the id: a documented form, then base64 of `litellm:…`. */
int sp_ident_wrapped(sp_view v);
/* The provider's id within such a one, behind the last `response_id:`; or v, where there is none. out: 3 * (v.n / 4) + 3 bytes, in which
   the result may stand. */
sp_view sp_ident_inner(sp_view v, uint8_t *out);

/* Writes the prefix of a documented id form, if the value has one, `~`, and 16 hex digits of SipHash128(key, value). Returns
   the length, at most 64; no NUL. */
size_t sp_ident_tag(const uint8_t key[16], sp_view v, char out[64]);

#endif
