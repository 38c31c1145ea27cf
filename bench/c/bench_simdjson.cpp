// simdjson, as its documentation has it: model, roles and contents of every line, fields in document order, bodies that are strings parsed
// in place (simdjson's string buffers end in its padding). Variants: dom-parse looks at nothing; -many are document streams; +xxh3 hashes contents.
#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>
#include <string_view>

#include "bench.h"

using std::string_view;
namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

namespace {

struct Job {
    dom::parser lines, bodies;
    ondemand::parser od_lines, od_bodies;
    size_t batch;
};

template <bool hash> void text(string_view s, bench_counts &c) {
    c.texts++;
    c.text_bytes += s.size();
    if (hash) c.hash += XXH3_64bits(s.data(), s.size());
}

// --- DOM ---

template <bool hash> void dom_content(dom::element e, bench_counts &c) {
    if (e.is_string()) return text<hash>(e.get_string().value_unsafe(), c);
    dom::array parts;
    if (e.get(parts)) return;
    for (dom::element part : parts) {
        dom::object o;
        if (part.get(o)) continue;
        for (auto field : o)
            if (field.key == "text" && field.value.is_string()) text<hash>(field.value.get_string().value_unsafe(), c);
    }
}

template <bool hash> void dom_turns(dom::element e, bench_counts &c) {
    if (e.is_string()) return text<hash>(e.get_string().value_unsafe(), c);
    dom::array turns;
    if (e.get(turns)) return;
    for (dom::element turn : turns) {
        dom::object o;
        if (turn.get(o)) continue;
        for (auto field : o) {
            if (field.key == "role") c.roles++;
            else if (field.key == "content" || field.key == "parts") dom_content<hash>(field.value, c);
        }
    }
}

template <bool hash> void dom_line(Job &j, dom::element line, bench_counts &c) {
    dom::object o;
    if (line.get(o)) return;
    for (auto field : o) {
        if (field.key != "body") continue;
        dom::element body = field.value;
        if (body.is_string()) {
            string_view s = body.get_string().value_unsafe();
            if (j.bodies.parse(s.data(), s.size(), false).get(body)) continue;
        }
        dom::object members;
        if (body.get(members)) continue;
        for (auto member : members) {
            if (member.key == "model") c.models++;
            else if (member.key == "messages" || member.key == "input" || member.key == "contents") dom_turns<hash>(member.value, c);
        }
    }
}

enum class Reads {
    nothing,
    fields,
    hashes
};

template <Reads reads> void dom_part(void *job, uint8_t *p, size_t n, bench_counts *c) {
    Job &j = *static_cast<Job *>(job);
    for (const uint8_t *at = p, *end = p + n; at < end; c->lines++) {
        const uint8_t *lf = bench_line_end(at, end);
        dom::element line;
        if (j.lines.parse(at, static_cast<size_t>(lf - at), false).get(line)) c->bad++;
        else if (reads != Reads::nothing) dom_line<reads == Reads::hashes>(j, line, *c);
        at = lf + (lf < end);
    }
}

template <Reads reads> void dom_many(void *job, uint8_t *p, size_t n, bench_counts *c) {
    Job &j = *static_cast<Job *>(job);
    dom::document_stream stream;
    if (j.lines.parse_many(p, n, std::min(n, j.batch)).get(stream)) return;
    for (auto found : stream) {
        dom::element line;
        c->lines++;
        if (found.get(line)) c->bad++;
        else if (reads != Reads::nothing) dom_line<reads == Reads::hashes>(j, line, *c);
    }
}

// --- On-Demand ---

template <bool hash> void od_content(ondemand::value v, bench_counts &c) {
    ondemand::json_type type;
    if (v.type().get(type)) return;
    string_view s;
    if (type == ondemand::json_type::string) {
        if (!v.get_string().get(s)) text<hash>(s, c);
    } else if (type == ondemand::json_type::array) {
        ondemand::array parts;
        if (v.get_array().get(parts)) return;
        for (auto found : parts) {
            ondemand::object o;
            if (found.get_object().get(o)) continue;
            for (auto pair : o) {
                ondemand::field field;
                if (std::move(pair).get(field)) return;
                if (field.key().unsafe_is_equal("text") && !field.value().get_string().get(s)) text<hash>(s, c);
            }
        }
    }
}

template <bool hash> void od_turns(ondemand::value v, bench_counts &c) {
    ondemand::json_type type;
    if (v.type().get(type)) return;
    string_view s;
    if (type == ondemand::json_type::string) {
        if (!v.get_string().get(s)) text<hash>(s, c);
    } else if (type == ondemand::json_type::array) {
        ondemand::array turns;
        if (v.get_array().get(turns)) return;
        for (auto found : turns) {
            ondemand::object o;
            if (found.get_object().get(o)) continue;
            for (auto pair : o) {
                ondemand::field field;
                if (std::move(pair).get(field)) return;
                auto key = field.key();
                if (key.unsafe_is_equal("role")) c.roles += !field.value().get_string().get(s);
                else if (key.unsafe_is_equal("content") || key.unsafe_is_equal("parts")) od_content<hash>(field.value(), c);
            }
        }
    }
}

template <bool hash> void od_body(ondemand::object o, bench_counts &c) {
    string_view s;
    for (auto pair : o) {
        ondemand::field field;
        if (std::move(pair).get(field)) return;
        auto key = field.key();
        if (key.unsafe_is_equal("model")) c.models += !field.value().get_string().get(s);
        else if (key.unsafe_is_equal("messages") || key.unsafe_is_equal("input") || key.unsafe_is_equal("contents"))
            od_turns<hash>(field.value(), c);
    }
}

template <bool hash> bool od_line(Job &j, ondemand::object line, bench_counts &c) {
    for (auto pair : line) {
        ondemand::field field;
        if (std::move(pair).get(field)) return false;
        if (!field.key().unsafe_is_equal("body")) continue;
        ondemand::json_type type;
        if (field.value().type().get(type)) return false;
        ondemand::object body;
        string_view s;
        ondemand::document inner;
        if (type == ondemand::json_type::object) {
            if (!field.value().get_object().get(body)) od_body<hash>(body, c);
        } else if (type == ondemand::json_type::string) {
            if (field.value().get_string().get(s)) return false;
            simdjson::padded_string_view view(s.data(), s.size(), s.size() + simdjson::SIMDJSON_PADDING);
            if (!j.od_bodies.iterate(view).get(inner) && !inner.get_object().get(body)) od_body<hash>(body, c);
        }
    }
    return true;
}

template <bool hash> void od_part(void *job, uint8_t *p, size_t n, bench_counts *c) {
    Job &j = *static_cast<Job *>(job);
    for (const uint8_t *at = p, *end = p + n; at < end; c->lines++) {
        const uint8_t *lf = bench_line_end(at, end);
        auto length = static_cast<size_t>(lf - at);
        ondemand::document line;
        ondemand::object o;
        simdjson::padded_string_view view(at, length, length + simdjson::SIMDJSON_PADDING);
        if (j.od_lines.iterate(view).get(line) || line.get_object().get(o) || !od_line<hash>(j, o, *c)) c->bad++;
        at = lf + (lf < end);
    }
}

template <bool hash> void od_many(void *job, uint8_t *p, size_t n, bench_counts *c) {
    Job &j = *static_cast<Job *>(job);
    ondemand::document_stream stream;
    if (j.od_lines.iterate_many(p, n, std::min(n, j.batch)).get(stream)) return;
    for (auto found : stream) {
        ondemand::object o;
        c->lines++;
        if (found.get_object().get(o) || !od_line<hash>(j, o, *c)) c->bad++;
    }
}

void *open_job(const bench_counts *told) {
    auto j = new Job;
    j->batch = std::max<size_t>(dom::DEFAULT_BATCH_SIZE, told->longest + 1);
#ifdef SIMDJSON_THREADS_ENABLED
    j->lines.threaded = false; // one thread, like everybody
    j->od_lines.threaded = false;
#endif
    return j;
}
void close_job(void *job) { delete static_cast<Job *>(job); }

} // namespace

int main(int argc, char **argv) {
    static const bench_variant variants[] = {
        {"dom-parse", open_job, dom_part<Reads::nothing>, nullptr, close_job, 0},
        {"dom-parse-many", open_job, dom_many<Reads::nothing>, nullptr, close_job, 0},
        {"dom", open_job, dom_part<Reads::fields>, nullptr, close_job, 0},
        {"dom-many", open_job, dom_many<Reads::fields>, nullptr, close_job, 0},
        {"dom+xxh3", open_job, dom_part<Reads::hashes>, nullptr, close_job, 0},
        {"ondemand", open_job, od_part<false>, nullptr, close_job, 0},
        {"ondemand-many", open_job, od_many<false>, nullptr, close_job, 0},
        {"ondemand+xxh3", open_job, od_part<true>, nullptr, close_job, 0},
        {"ondemand-many+xxh3", open_job, od_many<true>, nullptr, close_job, 0},
    };
    if (argc == 2 && string_view(argv[1]) == "--version") {
        printf("simdjson %s, kernel %s, On-Demand compiled for %s\n", SIMDJSON_STRINGIFY(SIMDJSON_VERSION),
               simdjson::get_active_implementation()->name().c_str(), SIMDJSON_STRINGIFY(SIMDJSON_BUILTIN_IMPLEMENTATION));
        return 0;
    }
    return bench_main(argc, argv, variants, sizeof variants / sizeof *variants);
}
