/* Look-ups that are made of the rules once all packs are read: what the scan and the judge would otherwise search for in every exchange. */
#ifndef SP_DERIVE_H
#define SP_DERIVE_H

#include "sp_build.h"

void sp_derive(sp_build *b);

#endif
