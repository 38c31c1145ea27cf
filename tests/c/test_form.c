/* Form bodies: a field is read where it is certain, and not where anything is open. */
#include "../../csrc/sp_form.h"
#include "check.h"

#define CD "Content-Disposition: form-data; "
#define MODEL CD "name=\"model\"\r\n\r\n"
#define FILE_PART "--b\r\n" CD "name=\"file\";filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n\x01--b\r\r\n--bc\r\nmodel=x\r\n"

static void field(const char *text, const char *want) {
    guarded g = guard(text, strlen(text));
    uint8_t out[SP_SHORT_VALUE];
    size_t n = sp_form_value((sp_view){g.p, g.n}, SP_VIEW("model"), out);
    if (n != strlen(want) || memcmp(out, want, n) != 0) fprintf(stderr, "of %s: \"%.*s\", expected \"%s\"\n", text, (int)n, out, want);
    CHECK(n == strlen(want) && memcmp(out, want, n) == 0);
    unguard(&g);
}

static void multipart(void) {
    field(FILE_PART "--b\r\n" MODEL "whisper-1\r\n--b--\r\n", "whisper-1");
    field("--b\r\n" MODEL "whisper-1\r\n" FILE_PART "--b--", "whisper-1");
    field("--b\n" CD "name=\"model\"\n\nwhisper-1\n--b--\n", "whisper-1");
    field("--b  \r\n" MODEL "m\r\n--b--\r\n", "");
    field("--b\r\ncontent-disposition:form-data;NAME=model\r\nContent-Type: text/plain\r\n\r\nm\r\n--b \r\n" CD "name=x\r\n\r\n\r\n--b--",
          "m");
    /* not certain */
    field("--b\r\n" MODEL "whisper-1\r\n", "");                   /* cut: another one may follow */
    field("--b\r\n" MODEL "whisper-1\r\n--b\r\n", "");            /* the same */
    field("--b\r\n" MODEL "whisper-1--b--\r\n", "");              /* no boundary */
    field("--b\r\n" MODEL "a\r\n--b\r\n" MODEL "b\r\n--b--", ""); /* twice */
    field("--b\r\n" MODEL "a\r\nb\r\n--b--", "");                 /* two lines */
    field("--b\r\n" MODEL "a\rb\r\n--b--", "");
    field("--b\r\n" MODEL "\r\n--b--", "");                                                /* empty */
    field("--b\r\n" MODEL "--b--", "");                                                    /* empty, and nothing between */
    field("--b\r\n" CD "name=\"model\"; filename=\"m\"\r\n\r\nm\r\n--b--", "");            /* a file */
    field("--b\r\nContent-Transfer-Encoding: base64\r\n" MODEL "bQ==\r\n--b--", "");       /* encoded */
    field("--b\r\n" CD "name=\"x;name=model\"\r\n\r\nm\r\n--b--", "");                     /* a name in a name */
    field("--b\r\nContent-Disposition: attachment; name=\"model\"\r\n\r\nm\r\n--b--", ""); /* no form data */
    field("--b\r\n" CD "name=\"model\"; name=\"y\"\r\n\r\nm\r\n--b--", "");                /* two names */
    field("--b\r\n" CD "name=\"models\"\r\n\r\nm\r\n--b--", "");
    field("--b\r\n" MODEL "m\r\n--b--\r\n--b\r\n" MODEL "n\r\n--b--", ""); /* another form behind it */
    field("--\r\n" MODEL "m\r\n----", "");
    field("--b", "");
    field("--b\r\n", "");
    field("--", "");
    field("", "");
}

static void pairs(void) {
    field("model=gpt-4o", "gpt-4o");
    field("a=1&model=openai%2Fgpt+4&b=", "openai/gpt 4");
    field("model=openai/gpt-4o:free", "openai/gpt-4o:free");
    field("xmodel=a&model2=b", "");
    field("model=a&model=a", ""); /* twice */
    field("model=", "");
    field("model", "");
    field("model=a&", ""); /* cut, or no form */
    field("model=a&b", "");
    field("model=%4", "");
    field("model=a b", ""); /* prose */
    field("model=\"a\"", "");
    field("set model=a", "");
}

static void bounds(void) {
    char text[SP_SHORT_VALUE + 64], want[SP_SHORT_VALUE + 1];
    memset(want, 'm', SP_SHORT_VALUE);
    want[SP_SHORT_VALUE] = 0;
    snprintf(text, sizeof text, "model=%s", want);
    field(text, want);
    snprintf(text, sizeof text, "model=m%s", want);
    field(text, "");
    static const char whole[] = FILE_PART "--b\r\n" MODEL "whisper-1\r\n--b--";
    for (size_t n = 0; n < sizeof whole - 1; n++) { /* every cut of a form is no certain form */
        char part[sizeof whole];
        memcpy(part, whole, n);
        part[n] = 0;
        field(part, "");
    }
}

int main(void) {
    multipart();
    pairs();
    bounds();
    return check_done();
}
