/* A rule set with an entry of every kind, small enough for sweeps and fuzzing. JSON with ' for " (and ^ for 20,000 bytes `a`). */
#ifndef SMALL_PACK_H
#define SMALL_PACK_H

#include <stdio.h>
#include <stdlib.h>

#include "sp_rules.h"

static const char small_pack[] =
    "{'format':1,'pack':'small','version':'1','sources':{'S':'s','T':'t'},'note':'n',"
    "'facts':{'read.a':'','write.store_b':'','replay.c':'','label.d':'','retain.e':'','manage.f':''},"
    "'formats':[{'id':'log','title':'t','source':'S','grade':'normalised','signature':[[{'at':'log:/kind => json /is','in':['"
    "log']}]],"
    "'fields':{'body':['/in => json'],"
    "'response':['/deep => json /out'],"
    "'time':['/at']},'places':{'body:/prev':['/args/before']},'requests':[{'when':[{'at':'log:/deep => json /go','i"
    "s':'present'}],"
    "'method':'POST','url':'https://api.{/deep => json /host}.example/go'}],"
    "'ids':{'session_label':['log:/label']},'model':['log:/m']},"
    "{'id':'pairs','title':'one {request, response} object a line','source':'S','grade':'wire','signature':[[{'at':"
    "'log:/request','is':['present','null']}]],"
    "'fields':{'time':['/time','/ts','/timestamp','/request/time'],"
    "'id':['/id','/request_id'],"
    "'method':['/request/method'],"
    "'url':['/request/url','/request/path'],"
    "'headers':['/request/headers'],"
    "'body':['/request/body'],"
    "'base64':['/request/isBase64Encoded'],"
    "'status':['/response/status','/response/status_code'],"
    "'response_headers':['/response/headers'],"
    "'response':['/response/body'],"
    "'events':['/response/events']}},"
    "{'id':'flat','title':'one object a line: ts, id, method, url or path, headers, body, status, response','source"
    "':'S','grade':'wire','signature':[[{'at':'log:/url','is':['present','null']},"
    "{'at':'log:/body','is':['present','null']}],[{'at':'log:/ts','is':['present','null']},"
    "{'at':'log:/body','is':['present','null']}]],"
    "'fields':{'time':['/ts','/time','/timestamp'],"
    "'id':['/id','/request_id'],"
    "'method':['/method'],"
    "'url':['/url','/path'],"
    "'headers':['/headers'],"
    "'body':['/body'],"
    "'base64':['/isBase64Encoded'],"
    "'status':['/status'],"
    "'response_headers':['/response_headers'],"
    "'response':['/response']}}],"
    "'hosts':[{'id':'h','source':'S','provider':'p','cloud':'c','family':'fam','match':['api.{region}.example','alt.example']},"
    "{'id':'gate','source':'S','provider':'gw','cloud':'gw','match':'gate.example','from':'2020-01-01T00:00:00Z'},"
    "{'id':'port','source':'S','provider':'loc','cloud':'local','match':'{local}','ports':[8080,11434],'confidence':'inferred'},"
    "{'id':'head','source':'S','provider':'p','cloud':'c','headers':[{'at':'hdr:x-api','is':'present'}],'deployments':true}],"
    "'rewrites':[{'id':'rw','source':'S','provider':['gw'],'path':'/in/{rest**}','to':'/{rest}','as':'p'}],"
    "'layouts':[{'id':'l','source':'S','turns':['/m','/input'],'turn_content':['content'],'context':['/tools','/system'],"
    "'context_roles':['system'],'response':['/output/*',{'content':'/content'}],'stream':'anthropic','tools':'/tools'},"
    "{'id':'l.chat','source':'S','turns':['/m'],'response':['/choices/0/message'],'stream':'chat'}],"
    "'endpoints':[{'id':'e','source':'S','api':'a','operation':'go','inference':true,'on':['p'],'method':'POST','path':['/go/{id}','/go'],"
    "'facts':['label.d'],'sets':['s'],'layout':'l','model':['body:/model','path:id'],"
    "'ids':{'previous_id':['body:/prev'],'response_id':['rsp:/id'],'session_label':['hdr:x-session'],'tokens_in':['rsp:/usage/in']}},"
    "{'id':'e.chat','source':'S','api':'a','operation':'chat','inference':true,'path':'/chat','layout':'l.chat'},"
    "{'id':'e.list','source':'T 1.2','api':'a','operation':'list','on':'p','method':['GET','DELETE'],'path':'**/list/{rest**}',"
    "'facts':'manage.f','body':'none','when':[{'at':'qs:all','in':['yes','1']}]}],"
    "'shapes':[{'id':'shape','source':'S','order':2,'api':'a','operation':'go','inference':true,"
    "'when':[{'any':[{'at':'body:/m','is':'array'},{'all':[{'at':'body:/input'},{'none':[{'at':'body:/kind','in':['x']}]}]}]}],"
    "'sets':['s'],'layout':'l'},"
    "{'id':'shape.first','source':'S','order':1,'api':'b','operation':'go','when':[{'at':'body:/kind','prefix':['first']}]}],"
    "'markers':[{'id':'m.read','source':'S','set':'s','at':'body:/prev','expects':['id'],'fact':'read.a'},"
    "{'id':'m.write','source':'S','set':'s','when':[{'at':'body:/keep','is':'absent'}],'basis':'default','fact':'write.store_b',"
    "'looks_at':['body:/keep']},"
    "{'id':'m.no','source':'S','set':'s','at':'body:/keep','is':'false','expects':['bool'],'denies':['write.*']},"
    "{'id':'m.each','source':'S','set':'s','each':'body:/m/*','where':[{'at':'role','in':['bot']},{'none':[{'at':'id'}]}],"
    "'fact':'replay.c'},"
    "{'id':'m.only','source':'S','set':'s','each':'body:/m/*','only':['ref'],'facts':['read.a']},"
    "{'id':'m.has','source':'S','set':['s'],'at':'hdr:x-beta','has':['keep'],'fact':'retain.e','not_providers':['gw']},"
    "{'id':'m.said','source':'S','set':'s','at':'rsp:/kept','is':'false','denies':['write.*']},"
    "{'id':'m.answer','source':'S','set':'s','when':[{'status':'2xx'},{'at':'rsp-hdr:x-kept'},{'method':'POST'},{'provider':'p'}],"
    "'fact':'retain.e','until':'2030-01-01T00:00:00Z'}],"
    "'overrides':[{'id':'o','source':'S','providers':['gw'],'apis':['a'],'when':[{'at':'body:/odd'}],'denies':['read.*']}],"
    "'models':[{'id':'strip','source':'S','strip':['route/']},"
    "{'id':'fam','source':'S','family':'fam','match':['mod-[0-9]*'],'not':['mod-9*'],'flags':['open_weights']}],"
    "'wrappers':[{'id':'w','source':'S','when':[{'at':'body:/wrapped','is':'object'},{'at':'body:/host'}],'body':'/wrapped',"
    "'method':'/verb','url':'https://api.{/host}.example/go/{/name}','time':'/when','response':'/answer'}],"
    "'inference_like':[{'id':'like','source':'S','when':[{'at':'body:/prompt'},{'url':'none'}]}],"
    "'bodies':[{'id':'red','source':'S','texts':['[REDACTED]'],'state':'redacted'},"
    "{'id':'enc','source':'S','when':[{'at':'body:/cipher'}],'state':'encrypted'}],"
    "'defaults':[{'id':'d','source':'S','ids':{'conversation_id':['body:/thread','qs:thread'],'tokens_out':['rsp:/usage/out']}}]}";

/* A second pack, tried before the first: replaces an entry, adds one. */
static const char small_pack_over[] =
    "{'format':1,'pack':'over','version':'2','sources':{'S':'s'},'facts':{'cache.g':'','read.a':''},"
    "'markers':[{'id':'m.said','source':'S','set':'s','at':'rsp:/kept','in':['no','never'],'denies':['write.store_b']},"
    "{'id':'m.cache','source':'S','set':'s','at':'body:/m/*/cache','is':'object','fact':'cache.g','unverified':true}]}";

static const char small_context[] =
    "{'host':[{'host':'inside.example','provider':'p','cloud':'own','from':'2020-01-01T00:00:00Z'}],"
    "'model':[{'name':'dep-1','model':'mod-1','provider':'p'}],"
    "'retention':[{'provider':'p','mode':'zdr','from':'2025-01-01T00:00:00Z','until':'2025-02-01T00:00:00Z'}]}";

/* The text for the caller to free. */
static inline char *small_text(const char *quoted, size_t *n) {
    size_t size = 1;
    for (const char *p = quoted; *p; p++) size += *p == '^' ? 20000 : 1;
    char *text = malloc(size), *to = text;
    if (!text) abort();
    for (const char *p = quoted; *p; p++) {
        for (size_t k = 0; *p == '^' && k < 20000; k++) *to++ = 'a';
        if (*p != '^') *to++ = *p == '\'' ? '"' : *p;
    }
    *to = 0;
    *n = (size_t)(to - text);
    return text;
}

/* The rule set of the packs above; `line` sets max_line_bytes where it is not 0. */
static inline sp_status small_rules_by(const sp_alloc *a, size_t line, const sp_kernel *kernel, sp_rules **out, sp_rules_error *err) {
    static const sp_view counts[] = {{(const uint8_t *)"read", 4}, {(const uint8_t *)"write.store*", 12}},
                         exempts[] = {{(const uint8_t *)"manage", 6}};
    size_t n[3];
    char *texts[3] = {small_text(small_pack, &n[0]), small_text(small_pack_over, &n[1]), small_text(small_context, &n[2])};
    sp_pack_text packs[2] = {{"small.json", {(uint8_t *)texts[0], n[0]}}, {"over.json", {(uint8_t *)texts[1], n[1]}}};
    sp_rules_options o = {.packs = packs,
                          .pack_count = 2,
                          .lens_counts = counts,
                          .lens_counts_n = 2,
                          .lens_exempts = exempts,
                          .lens_exempts_n = 1,
                          .kernel = kernel,
                          .context = {(uint8_t *)texts[2], n[2]},
                          .versions = {(const uint8_t *)"test", 4}};
    sp_limits_default(&o.limits);
    if (line) o.limits.max_line_bytes = line;
    sp_status status = sp_rules_new(a, &o, out, err);
    for (int i = 0; i < 3; i++) free(texts[i]);
    return status;
}

static inline sp_status small_rules(const sp_alloc *a, size_t line, sp_rules **out, sp_rules_error *err) {
    return small_rules_by(a, line, NULL, out, err);
}

#endif
