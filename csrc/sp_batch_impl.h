/* The inside of a batch, for the units that share it: what the owner of the stream cuts (sp_batch.c) or is given (sp_given.c), and what
   workers read (sp_pool.c). */
#ifndef SP_BATCH_IMPL_H
#define SP_BATCH_IMPL_H

#include <pthread.h>

#include "sp_batch.h"
#include "sp_exchange.h"
#include "sp_split.h"

#define MAX_JOBS 64u

/* Memory of the stream. The owner reads into the last one; the jobs cut out of it hold it until they are taken. */
typedef struct segment {
    struct segment *next; /* in the list of spare ones */
    size_t cap;
    unsigned jobs;
    uint8_t bytes[];
} segment;

typedef enum job_state {
    JOB_WAITS,
    JOB_RUNS,
    JOB_DONE
} job_state;

typedef struct record { /* of a container; places count from the first byte of the job, so that a tiny record needs little */
    uint32_t at, n, line;
    uint32_t open; /* the stream ends in it */
} record;

typedef struct job { /* the lines of one slice */
    segment *held;
    sp_view text;
    uint64_t offset;      /* of its first byte */
    uint64_t long_length; /* not 0: no text, but one line over max_line_bytes, of this length */
    int cut;              /* the last line has no line feed, and the stream was cut in it */
    const sp_format *format;
    record *records; /* of a container: what is to be read of the text. The memory stays with the place in the ring */
    size_t record_count, record_cap;
    uint64_t line;   /* of the first one; 0: the text is lines, and sp_batch_take knows their numbers */
    sp_given *given; /* of records that are given; the same */
    size_t given_count, given_cap;
    job_state state; /* under the lock */
    sp_columns *exchanges, *evidence;
    uint64_t lines, blank;
    uint64_t classified[SP_STATE_COUNT], rejected[SP_STATUS_COUNT], flags[SP_FLAG_COUNT], passed[SP_MAX_PASSES], clocks[SP_CLOCK_COUNT],
        said[SP_SAID_COUNT];
    uint64_t more; /* exchanges beyond the first of their records */
    int crlf;
    sp_status status;
} job;

typedef struct worker {
    struct sp_batch *batch;
    sp_reader reader;
    sp_columns_sizes sizes, evidence_sizes; /* of its last slice */
    pthread_t thread;
    int started;
} worker;

struct sp_batch {
    const sp_alloc *alloc;
    const sp_rules *rules;
    char *source;
    char source_id[40];
    size_t source_id_n;
    const sp_format *format;
    sp_votes votes; /* of the records of the head, where no format was given; its arrays are one piece of memory, `first` */
    unsigned threads;
    int evidence;
    segment *in, *spare;
    size_t len, pos; /* of `in`: [pos, len) is not yet given to a job */
    size_t searched; /* no line feed that ends the slice under way stands before it */
    uint64_t base;   /* stream offset of in->bytes */
    uint64_t next_line;
    int begun, finished, cut;
    sp_status failed; /* what sp_batch_take returned; it goes on so */
    int skipping;     /* inside a line over max_line_bytes: its bytes are counted and dropped */
    uint64_t skip_from, skip_length;
    sp_split_paths paths;
    sp_split split;
    int told; /* whether it is lines or a container, */
    int lines_only, contained, pointers_given;
    uint64_t drop_from; /* of a container: the record under way is over max_line_bytes, and its bytes are not kept */
    int dropping, stashed, told_format;
    sp_piece stash;  /* a record that begins the next slice, or is one */
    sp_given *queue; /* records that were given and are in no job yet; their texts stand in `in` from `pos` on */
    size_t queue_at, queue_n, queue_cap;
    size_t seen, seen_bytes;        /* of the slice under way: records from queue_at on, and the length of their texts */
    sp_view container;              /* what they come from; p NULL: bytes come */
    job jobs[MAX_JOBS];             /* a ring: */
    unsigned first, waiting, count; /* the next to be taken, the next to be run (under the lock), how many there are */
    worker *workers;                /* the owner is the first */
    sp_replay_store *store;         /* what their replay tables share, or NULL */
    sp_summary summary;
    pthread_mutex_t lock;
    pthread_cond_t wake, done; /* a job waits; a job is done */
    int stop, pool;
};

/* Records that are given: the source id and the reader, once, by the first SP_HEAD_BYTES of their texts; then slices. */
sp_status spi_given_begin(sp_batch *b);
sp_status spi_given_next(sp_batch *b, int *put);
/* What both kinds of slices take. */
job *spi_new_job(sp_batch *b, uint64_t offset); /* the place of the next one in the ring, where it is put together */
void spi_offer(sp_batch *b);                    /* it is whole */
void spi_name_source(sp_batch *b, sp_view head);
void spi_choose_format(sp_batch *b); /* by the votes */

/* The records of a job, one after another: 1 and *line, or 0 at the end. Blank lines are counted and left out. *at begins with 0. */
int spi_next_line(const sp_batch *b, job *j, size_t *at, sp_line *line);

/* Workers. Without threads the owner, who is the first of them, does everything. All are the owner's to call. */
void spi_pool_start(sp_batch *b);       /* once there is work for more than one; later calls do nothing */
void spi_pool_await_first(sp_batch *b); /* until the first job is done */
void spi_pool_stop(sp_batch *b);

#endif
